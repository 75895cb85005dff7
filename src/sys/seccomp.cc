#include "sys/seccomp.h"

#include <linux/audit.h>
#include <linux/seccomp.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <utility>

namespace strata::sys {
namespace {

using Code = std::vector<sock_filter>;

sock_filter statement(unsigned code, std::uint32_t k) { return {static_cast<std::uint16_t>(code), 0, 0, k}; }
sock_filter jump(unsigned comparison, std::uint32_t k, std::uint8_t if_true, std::uint8_t if_false) {
  return {static_cast<std::uint16_t>(BPF_JMP | comparison | BPF_K), if_true, if_false, k};
}
sock_filter ret(std::uint32_t action) { return statement(BPF_RET | BPF_K, action); }
sock_filter load_word(std::size_t offset) {
  return statement(BPF_LD | BPF_W | BPF_ABS, static_cast<std::uint32_t>(offset));
}

// Jump targets inside the code of one test, replaced by distances when its rule is complete.
constexpr std::uint8_t kPass = 254;
constexpr std::uint8_t kFail = 255;

// Leaves `test`'s outcome as a jump to kPass (the end of this code) or kFail (the next rule).
Code code_of(const SyscallTest& test) {
  using Op = SyscallTest::Op;
  const std::size_t at = offsetof(seccomp_data, args) + 8 * std::size_t{test.argument};
  const sock_filter low_word = load_word(at), high_word = load_word(at + 4);  // little endian
  const auto low = static_cast<std::uint32_t>(test.value), high = static_cast<std::uint32_t>(test.value >> 32);
  switch (test.op) {
    case Op::kEqual:
      return {high_word, jump(BPF_JEQ, high, 0, kFail), low_word, jump(BPF_JEQ, low, 0, kFail)};
    case Op::kNotEqual:
      return {high_word, jump(BPF_JEQ, high, 0, kPass), low_word, jump(BPF_JEQ, low, kFail, 0)};
    case Op::kMaskedEqual: {
      const auto low_mask = static_cast<std::uint32_t>(test.mask),
                 high_mask = static_cast<std::uint32_t>(test.mask >> 32);
      return {high_word, statement(BPF_ALU | BPF_AND | BPF_K, high_mask), jump(BPF_JEQ, high, 0, kFail),
              low_word,  statement(BPF_ALU | BPF_AND | BPF_K, low_mask),  jump(BPF_JEQ, low, 0, kFail)};
    }
    case Op::kGreater:
    case Op::kGreaterEqual:
      return {high_word, jump(BPF_JGT, high, kPass, 0), jump(BPF_JEQ, high, 0, kFail), low_word,
              jump(test.op == Op::kGreater ? BPF_JGT : BPF_JGE, low, 0, kFail)};
    case Op::kLess:
    case Op::kLessEqual:
      return {high_word, jump(BPF_JGT, high, kFail, 0), jump(BPF_JEQ, high, 0, kPass), low_word,
              jump(test.op == Op::kLess ? BPF_JGE : BPF_JGT, low, kFail, 0)};
  }
  return {};
}

void resolve(Code& code, std::uint8_t label, std::size_t target) {
  for (std::size_t i = 0; i < code.size(); ++i) {
    if (BPF_CLASS(code[i].code) != BPF_JMP) continue;
    const auto distance = static_cast<std::uint8_t>(target - i - 1);
    if (code[i].jt == label) code[i].jt = distance;
    if (code[i].jf == label) code[i].jf = distance;
  }
}

// "If all tests hold, return action"; else falls through. At most six arguments, so distances stay
// small.
void append_rule(Code& code, const std::vector<SyscallTest>& tests, std::uint32_t action) {
  Code rule;
  for (const SyscallTest& test : tests) {
    Code one = code_of(test);
    resolve(one, kPass, one.size());
    rule.insert(rule.end(), one.begin(), one.end());
  }
  rule.push_back(ret(action));
  resolve(rule, kFail, rule.size());
  code.insert(code.end(), rule.begin(), rule.end());
}

void append(Code& code, const Code& more) { code.insert(code.end(), more.begin(), more.end()); }

}  // namespace

// All numbers from `start` up to the next segment's. Either one action, or the rules of one number.
struct SeccompBuilder::Segment {
  std::uint32_t start;
  std::uint32_t action;
  std::vector<const Rule*> rules;
};

namespace {

template <class Segment>
Code tree(std::span<const Segment> segments) {
  if (segments.size() == 1) {
    Code leaf;
    for (const auto* rule : segments[0].rules) append_rule(leaf, rule->tests, rule->action);
    leaf.push_back(ret(segments[0].action));
    return leaf;
  }
  const std::size_t middle = segments.size() / 2;
  const Code left = tree(segments.first(middle)), right = tree(segments.subspan(middle));
  Code code;
  if (left.size() <= 255) {
    code.push_back(jump(BPF_JGE, segments[middle].start, static_cast<std::uint8_t>(left.size()), 0));
  } else {  // conditional jumps reach 255 instructions
    code.push_back(jump(BPF_JGE, segments[middle].start, 0, 1));
    code.push_back(statement(BPF_JMP | BPF_JA, static_cast<std::uint32_t>(left.size())));
  }
  append(code, left);
  append(code, right);
  return code;
}

}  // namespace

SeccompBuilder::SeccompBuilder(std::initializer_list<SyscallAbi> abis, std::uint32_t default_action,
                               std::uint32_t unknown_action)
    : default_action_(default_action), unknown_action_(unknown_action) {
  for (const SyscallAbi abi : abis) use(abi);
}

void SeccompBuilder::use(SyscallAbi abi) {
  static constexpr int kNewest[] = {newest_syscall(SyscallAbi::kX86_64), newest_syscall(SyscallAbi::kX86),
                                    newest_syscall(SyscallAbi::kX32) & ~static_cast<int>(kX32Bit)};
  used_[index(abi)] = true;
  abis_[index(abi)].actions.assign(static_cast<std::size_t>(kNewest[index(abi)]) + 1, default_action_);
}

void SeccompBuilder::add(SyscallAbi abi, int number, std::uint32_t action, std::vector<SyscallTest> tests) {
  if (number < 0 || !has(abi)) return;
  const std::uint32_t bare = static_cast<std::uint32_t>(number) & ~(abi == SyscallAbi::kX32 ? kX32Bit : 0);
  Abi& rules = abis_[index(abi)];
  if (bare >= rules.actions.size()) return;
  if (tests.empty())
    rules.actions[bare] = action;
  else
    rules.conditional.push_back({bare, action, std::move(tests)});
}

void SeccompBuilder::append_segments(SyscallAbi abi, std::vector<Segment>& segments) const {
  const Abi& rules = abis_[index(abi)];
  const std::uint32_t base = abi == SyscallAbi::kX32 ? kX32Bit : 0;
  std::vector<const Rule*> conditional;
  for (const Rule& rule : rules.conditional) conditional.push_back(&rule);
  // By number; those of one number in the order they were added.
  std::ranges::sort(conditional, {}, [](const Rule* rule) { return std::pair(rule->number, rule); });
  auto next = conditional.begin();
  const auto add = [&](std::uint32_t start, std::uint32_t action) {
    if (segments.empty() || !segments.back().rules.empty() || segments.back().action != action)
      segments.push_back({start, action, {}});
  };
  for (std::uint32_t number = 0; number < rules.actions.size(); ++number) {
    if (next != conditional.end() && (*next)->number == number) {
      segments.push_back({base + number, rules.actions[number], {}});
      for (; next != conditional.end() && (*next)->number == number; ++next) segments.back().rules.push_back(*next);
    } else {
      add(base + number, rules.actions[number]);
    }
  }
  add(base + static_cast<std::uint32_t>(rules.actions.size()), unknown_action_);
}

Result<SeccompFilter> SeccompBuilder::build() const {
  Code code{load_word(offsetof(seccomp_data, arch))};
  const auto add_architecture = [&](std::uint32_t arch, const std::vector<Segment>& segments) {
    Code body{load_word(offsetof(seccomp_data, nr))};
    append(body, tree(std::span<const Segment>(segments)));
    code.push_back(jump(BPF_JEQ, arch, 1, 0));
    code.push_back(statement(BPF_JMP | BPF_JA, static_cast<std::uint32_t>(body.size())));
    append(code, body);
  };
  if (has(SyscallAbi::kX86_64) || has(SyscallAbi::kX32)) {
    std::vector<Segment> segments;
    if (has(SyscallAbi::kX86_64))
      append_segments(SyscallAbi::kX86_64, segments);
    else
      segments.push_back({0, SECCOMP_RET_KILL_PROCESS, {}});
    if (has(SyscallAbi::kX32))
      append_segments(SyscallAbi::kX32, segments);
    else
      segments.push_back({kX32Bit, SECCOMP_RET_KILL_PROCESS, {}});
    add_architecture(AUDIT_ARCH_X86_64, segments);
  }
  if (has(SyscallAbi::kX86)) {
    std::vector<Segment> segments;
    append_segments(SyscallAbi::kX86, segments);
    add_architecture(AUDIT_ARCH_I386, segments);
  }
  code.push_back(ret(SECCOMP_RET_KILL_PROCESS));
  if (code.size() > BPF_MAXINSNS)
    return error(ErrorKind::kResourceExhausted, "the seccomp filter has {} instructions, the kernel takes {}",
                 code.size(), BPF_MAXINSNS);
  return SeccompFilter(std::move(code));
}

SeccompFilter SeccompFilter::allow_only(std::initializer_list<int> numbers) {
  SeccompBuilder builder({SyscallAbi::kX86_64}, SECCOMP_RET_KILL_PROCESS, SECCOMP_RET_KILL_PROCESS);
  for (const int number : numbers) builder.add(SyscallAbi::kX86_64, number, SECCOMP_RET_ALLOW);
  return std::move(builder.build()).value();  // one call is at most two instructions: it always fits
}

Result<> SeccompFilter::load(unsigned flags) const {
  const sock_fprog program{static_cast<unsigned short>(program_.size()), const_cast<sock_filter*>(program_.data())};
  if (::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program) != 0)
    return Error::from_errno(errno, "load seccomp filter");
  return {};
}

}  // namespace strata::sys
