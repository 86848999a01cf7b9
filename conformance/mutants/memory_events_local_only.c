// Breaks: memory.events counts what happened in the groups below too.
// How: it shows what memory.events.local shows.
#include "show_instead.h"

MUTANT_SHOW_INSTEAD(memory_events_show, memory_events_local_show);
MODULE_DESCRIPTION("memory.events does not count what happens below");
