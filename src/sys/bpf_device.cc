#include "sys/bpf_device.h"

#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "sys/unique_fd.h"

namespace strata::sys {
namespace {

// Registers: R2 type, R3 access, R4 major, R5 minor; R1 is the context, then scratch.
bpf_insn instruction(std::uint8_t code, std::uint8_t dst, std::uint8_t src, std::int16_t offset, std::int32_t imm) {
  bpf_insn result{};
  result.code = code;
  result.dst_reg = dst;
  result.src_reg = src;
  result.off = offset;
  result.imm = imm;
  return result;
}
bpf_insn load_field(std::uint8_t dst, std::int16_t offset) {
  return instruction(BPF_LDX | BPF_MEM | BPF_W, dst, BPF_REG_1, offset, 0);
}

Result<UniqueFd> load_program(std::span<const CgroupDeviceRule> rules) {
  const std::vector<bpf_insn> program = device_program(rules);
  static constexpr char kLicense[] = "MIT";
  bpf_attr attr;
  std::memset(&attr, 0, sizeof attr);
  attr.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE;
  attr.insns = reinterpret_cast<std::uintptr_t>(program.data());
  attr.insn_cnt = static_cast<std::uint32_t>(program.size());
  attr.license = reinterpret_cast<std::uintptr_t>(kLicense);
  UniqueFd fd(static_cast<int>(::syscall(SYS_bpf, BPF_PROG_LOAD, &attr, sizeof attr)));
  if (!fd) return error_from(errno, "load the cgroup's device program").with_kind(ErrorKind::kUnsupported);
  return fd;
}

}  // namespace

std::vector<bpf_insn> device_program(std::span<const CgroupDeviceRule> rules) {
  std::vector<bpf_insn> code;
  const auto emit = [&](std::uint8_t op, std::uint8_t dst, std::uint8_t src, std::int16_t offset, std::int32_t imm) {
    code.push_back(instruction(op, dst, src, offset, imm));
  };
  // access_type is the access in the upper half and the type in the lower one.
  code.push_back(load_field(BPF_REG_2, 0));
  emit(BPF_ALU | BPF_AND | BPF_K, BPF_REG_2, 0, 0, 0xFFFF);
  code.push_back(load_field(BPF_REG_3, 0));
  emit(BPF_ALU | BPF_RSH | BPF_K, BPF_REG_3, 0, 0, 16);
  code.push_back(load_field(BPF_REG_4, 4));
  code.push_back(load_field(BPF_REG_5, 8));
  const auto leave = [&](bool allow) {
    emit(BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, allow ? 1 : 0);
    emit(BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
  };
  // The last rule first, so that the first match decides.
  for (auto rule = rules.rbegin(); rule != rules.rend(); ++rule) {
    std::vector<std::size_t> to_next;
    const auto unless_equal = [&](std::uint8_t reg, std::int32_t value) {
      to_next.push_back(code.size());
      emit(BPF_JMP | BPF_JNE | BPF_K, reg, 0, 0, value);
    };
    if (rule->type != 'a') unless_equal(BPF_REG_2, rule->type == 'b' ? BPF_DEVCG_DEV_BLOCK : BPF_DEVCG_DEV_CHAR);
    const std::int32_t access = (rule->mknod ? BPF_DEVCG_ACC_MKNOD : 0) | (rule->read ? BPF_DEVCG_ACC_READ : 0) |
                                (rule->write ? BPF_DEVCG_ACC_WRITE : 0);
    constexpr std::int32_t kAll = BPF_DEVCG_ACC_MKNOD | BPF_DEVCG_ACC_READ | BPF_DEVCG_ACC_WRITE;
    if (access != kAll) {
      emit(BPF_ALU | BPF_MOV | BPF_X, BPF_REG_1, BPF_REG_3, 0, 0);
      emit(BPF_ALU | BPF_AND | BPF_K, BPF_REG_1, 0, 0, access);
      to_next.push_back(code.size());
      if (rule->allow)
        emit(BPF_JMP | BPF_JNE | BPF_X, BPF_REG_1, BPF_REG_3, 0, 0);  // asks for more than this
      else
        emit(BPF_JMP | BPF_JEQ | BPF_K, BPF_REG_1, 0, 0, 0);  // asks for nothing of this
    }
    if (rule->major) unless_equal(BPF_REG_4, static_cast<std::int32_t>(*rule->major));
    if (rule->minor) unless_equal(BPF_REG_5, static_cast<std::int32_t>(*rule->minor));
    leave(rule->allow);
    for (const std::size_t at : to_next) code[at].off = static_cast<std::int16_t>(code.size() - at - 1);
    if (to_next.empty()) return code;  // it matches everything: the verifier refuses code that nothing reaches
  }
  leave(false);
  return code;
}

Result<> attach_device_program(int group, std::span<const CgroupDeviceRule> rules) {
  const UniqueFd program = TRY(load_program(rules));
  bpf_attr attr;
  std::memset(&attr, 0, sizeof attr);
  attr.target_fd = static_cast<std::uint32_t>(group);
  attr.attach_bpf_fd = static_cast<std::uint32_t>(program.get());
  attr.attach_type = BPF_CGROUP_DEVICE;
  attr.attach_flags = BPF_F_ALLOW_MULTI;
  if (::syscall(SYS_bpf, BPF_PROG_ATTACH, &attr, sizeof attr) != 0)
    return error_from(errno, "attach the cgroup's device program").with_kind(ErrorKind::kUnsupported);
  return {};
}

bool device_programs_work() {
  static const bool works = load_program({}).has_value();
  return works;
}

}  // namespace strata::sys
