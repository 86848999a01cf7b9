// Breaks: hugetlb.<size>.rsvd.max.
// How: hugetlb_cgroup_charge_cgroup_rsvd() charges a reservation to a group and refuses it beyond
// the limit; here it charges nobody.
#include "live_patch.h"

struct hugetlb_cgroup;

static int charge_nobody(int size, unsigned long pages, struct hugetlb_cgroup** group) {
  *group = NULL;
  return 0;
}

MUTANT_LIVE_PATCH(hugetlb_cgroup_charge_cgroup_rsvd, charge_nobody);
MODULE_DESCRIPTION("hugetlb.<size>.rsvd.max has no effect");
