// Breaks: all time in which tasks are held up for memory shows in memory.pressure, a little.
// How: the totals grow a tenth less.
#include "psi_totals.h"

MUTANT_PSI_TOTALS(PSI_MEM_SOME, PSI_MEM_FULL);
MODULE_DESCRIPTION("nine tenths of the stalls in memory.pressure are counted");
