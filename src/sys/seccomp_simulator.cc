#include "sys/seccomp_simulator.h"

#include <linux/seccomp.h>

#include <cstring>

#include "base/check.h"

namespace strata::sys {

std::uint32_t simulate(const SeccompFilter& filter, std::uint32_t arch, std::uint32_t number,
                       const std::uint64_t (&args)[6]) {
  seccomp_data data{};
  data.nr = static_cast<int>(number);
  data.arch = arch;
  std::memcpy(data.args, args, sizeof args);
  std::uint32_t accumulator = 0;
  const auto& program = filter.program();
  for (std::size_t at = 0;; ++at) {
    CHECK(at < program.size());
    const sock_filter& instruction = program[at];
    switch (instruction.code) {
      case BPF_LD | BPF_W | BPF_ABS:
        CHECK(instruction.k % 4 == 0 && instruction.k + 4 <= sizeof data);
        std::memcpy(&accumulator, reinterpret_cast<const char*>(&data) + instruction.k, sizeof accumulator);
        break;
      case BPF_ALU | BPF_AND | BPF_K:
        accumulator &= instruction.k;
        break;
      case BPF_JMP | BPF_JA:
        at += instruction.k;
        break;
      case BPF_JMP | BPF_JEQ | BPF_K:
        at += accumulator == instruction.k ? instruction.jt : instruction.jf;
        break;
      case BPF_JMP | BPF_JGE | BPF_K:
        at += accumulator >= instruction.k ? instruction.jt : instruction.jf;
        break;
      case BPF_JMP | BPF_JGT | BPF_K:
        at += accumulator > instruction.k ? instruction.jt : instruction.jf;
        break;
      case BPF_RET | BPF_K:
        return instruction.k;
      default:
        CHECK(!"an instruction that no filter of ours has");
    }
  }
}

}  // namespace strata::sys
