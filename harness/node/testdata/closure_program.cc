int ClosureFar();
int main() { return ClosureFar() == 42 ? 0 : 1; }
