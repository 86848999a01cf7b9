#include "cli/command_line.h"

int main(int argc, char** argv) { return nodeproof::cli::Main(argc, argv); }
