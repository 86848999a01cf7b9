// Breaks: pids.events counts what happened in the groups below too.
// How: it shows what pids.events.local shows.
#include "show_instead.h"

MUTANT_SHOW_INSTEAD(pids_events_show, pids_events_local_show);
MODULE_DESCRIPTION("pids.events does not count what happens below");
