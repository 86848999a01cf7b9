int ClosureDeep() { return 41; }
