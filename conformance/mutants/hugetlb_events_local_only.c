// Breaks: hugetlb.<size>.events counts what happened in the groups below too.
// How: it shows what hugetlb.<size>.events.local shows.
#include "show_instead.h"

MUTANT_SHOW_INSTEAD(hugetlb_events_show, hugetlb_events_local_show);
MODULE_DESCRIPTION("hugetlb.<size>.events does not count what happens below");
