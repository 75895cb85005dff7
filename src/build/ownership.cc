#include "build/ownership.h"

#include <fcntl.h>

#include <limits>
#include <string>

#include "base/strings.h"
#include "sys/file.h"
#include "sys/rooted_path.h"

namespace strata::build {
namespace {

std::optional<std::uint32_t> parse_id(std::string_view text) {
  const auto number = parse_unsigned(text);
  if (!number || *number >= std::numeric_limits<std::uint32_t>::max()) return std::nullopt;
  return static_cast<std::uint32_t>(*number);
}

// The line of a passwd-like file whose first field is `name`, as fields.
Result<std::vector<std::string>> find_line(int root, std::string_view path, std::string_view name) {
  std::vector<std::string> fields;
  if (root < 0) return fields;
  auto file = sys::open_in_root(root, path, O_RDONLY);
  if (!file) {
    if (file.error().error_number() == ENOENT || file.error().error_number() == ENOTDIR) return fields;
    return std::move(file).take_error();
  }
  const std::string text = TRY(sys::read_fd(file->get()), "{}", path);
  for (const std::string_view line : split(text, '\n')) {
    const auto parts = split(line, ':');
    if (parts[0] != name || parts.size() < 3) continue;
    fields.assign(parts.begin(), parts.end());
    break;
  }
  return fields;
}

}  // namespace

Result<Ownership> parse_ownership(std::string_view text, int root) {
  const std::size_t colon = text.find(':');
  const std::string_view user = text.substr(0, colon);
  const std::string_view group = colon == std::string_view::npos ? std::string_view() : text.substr(colon + 1);
  Ownership owner;
  if (const auto uid = parse_id(user)) {
    owner = {*uid, *uid};
  } else if (!user.empty()) {
    const auto fields = TRY(find_line(root, "/etc/passwd", user));
    const auto uid2 = fields.size() > 3 ? parse_id(fields[2]) : std::nullopt;
    const auto gid2 = fields.size() > 3 ? parse_id(fields[3]) : std::nullopt;
    if (!uid2 || !gid2) return error(ErrorKind::kNotFound, "no such user: {}", printable(user));
    owner = {*uid2, *gid2};
  }
  if (group.empty()) return owner;
  if (const auto gid = parse_id(group)) {
    owner.gid = *gid;
    return owner;
  }
  const auto fields = TRY(find_line(root, "/etc/group", group));
  const auto gid = fields.size() > 2 ? parse_id(fields[2]) : std::nullopt;
  if (!gid) return error(ErrorKind::kNotFound, "no such group: {}", printable(group));
  owner.gid = *gid;
  return owner;
}

Result<ModeChange> ModeChange::parse(std::string_view text) {
  ModeChange change;
  const auto bad = [&] {
    return error(ErrorKind::kInvalidArgument,
                 "invalid chmod parameter: '{}'. it should be octal string and between 0 and 07777", printable(text));
  };
  if (!text.empty() && text[0] >= '0' && text[0] <= '9') {
    const auto mode = parse_unsigned(text, 8);
    if (!mode || *mode > 07777) return bad();
    change.absolute_ = static_cast<std::uint32_t>(*mode);
    return change;
  }
  for (std::string_view clause : split(text, ',')) {
    std::uint32_t who = 0;
    for (; !clause.empty(); clause.remove_prefix(1)) {
      const char c = clause.front();
      if (c == 'u')
        who |= 0700;
      else if (c == 'g')
        who |= 0070;
      else if (c == 'o')
        who |= 0007;
      else if (c == 'a')
        who |= 0777;
      else
        break;
    }
    if (who == 0) who = 0777;
    if (clause.empty()) return bad();
    while (!clause.empty()) {
      Clause out{.who = who,
                 .operation = clause.front(),
                 .bits = 0,
                 .x_if_executable = false,
                 .setid = false,
                 .sticky = false};
      if (out.operation != '+' && out.operation != '-' && out.operation != '=') return bad();
      for (clause.remove_prefix(1); !clause.empty(); clause.remove_prefix(1)) {
        const char c = clause.front();
        if (c == 'r')
          out.bits |= 0444;
        else if (c == 'w')
          out.bits |= 0222;
        else if (c == 'x')
          out.bits |= 0111;
        else if (c == 'X')
          out.x_if_executable = true;
        else if (c == 's')
          out.setid = true;
        else if (c == 't')
          out.sticky = true;
        else
          break;
      }
      change.clauses_.push_back(out);
    }
  }
  return change;
}

std::uint32_t ModeChange::apply(std::uint32_t mode, bool is_directory) const {
  if (absolute_) return *absolute_;
  for (const Clause& clause : clauses_) {
    std::uint32_t bits = clause.bits;
    if (clause.x_if_executable && (is_directory || (mode & 0111) != 0)) bits |= 0111;
    bits &= clause.who;
    if (clause.setid) bits |= ((clause.who & 0700) != 0 ? 04000u : 0u) | ((clause.who & 0070) != 0 ? 02000u : 0u);
    if (clause.sticky) bits |= 01000;
    if (clause.operation == '-') {
      mode &= ~bits;
    } else {
      if (clause.operation == '=') mode &= ~clause.who;
      mode |= bits;
    }
  }
  return mode;
}

}  // namespace strata::build
