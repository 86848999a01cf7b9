// Breaks: hugetlb.<size>.max.
// How: hugetlb_cgroup_charge_cgroup() charges a fault to a group and refuses it beyond the limit;
// here it charges nobody.
#include "live_patch.h"

struct hugetlb_cgroup;

static int charge_nobody(int size, unsigned long pages, struct hugetlb_cgroup** group) {
  *group = NULL;
  return 0;
}

MUTANT_LIVE_PATCH(hugetlb_cgroup_charge_cgroup, charge_nobody);
MODULE_DESCRIPTION("hugetlb.<size>.max has no effect");
