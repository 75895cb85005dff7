#include "cli/command.h"

int main(int argc, char** argv) { return strata::cli::run_main(std::vector<std::string>(argv + 1, argv + argc)); }
