// Breaks: all time in which tasks wait for a CPU shows in cpu.pressure, a little.
// How: the totals grow a tenth less.
#include "psi_totals.h"

MUTANT_PSI_TOTALS(PSI_CPU_SOME, PSI_CPU_FULL);
MODULE_DESCRIPTION("nine tenths of the stalls in cpu.pressure are counted");
