// A library in a folder that only DT_RUNPATH names; needs another one the same way.
int ClosureDeep();
int ClosureFar() { return ClosureDeep() + 1; }
