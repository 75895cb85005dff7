#include "codec/tar_reader.h"

#include <algorithm>
#include <limits>

#include "base/strings.h"
#include "codec/tar_fixture.h"
#include <gtest/gtest.h>

namespace strata::codec {
namespace {

using namespace fixture;
using Type = TarEntry::Type;

struct Read {
  std::vector<TarEntry> entries;
  std::vector<std::string> data;  // stored bytes
  std::uint64_t position = 0;
};

Result<Read> read_tar(const std::string& bytes, TarLimits limits = {}) {
  MemorySource source(bytes);
  TarReader tar(source, limits);
  Read read;
  while (auto entry = TRY(tar.next())) {
    EXPECT_EQ(tar.position(), entry->data_offset);
    std::string data(static_cast<std::size_t>(std::min<std::uint64_t>(entry->stored_size, 1 << 20)), '?');
    std::size_t have = 0;
    while (have < data.size()) {
      const std::size_t got = TRY(tar.read_data(std::as_writable_bytes(std::span(data)).subspan(have)));
      if (got == 0) break;
      have += got;
    }
    EXPECT_EQ(data, bytes.substr(entry->data_offset, data.size()));
    read.entries.push_back(std::move(*entry));
    read.data.push_back(std::move(data));
  }
  read.position = tar.position();
  return read;
}

// One line for each entry: what the tables below compare.
std::string describe(const TarEntry& entry, const std::string& data) {
  static constexpr std::string_view kNames[] = {"file", "link", "symlink", "char", "block", "dir", "fifo"};
  std::string text = fmt::format("{} {}", kNames[static_cast<int>(entry.type)], entry.path);
  if (!entry.link_target.empty()) text += " -> " + entry.link_target;
  if (entry.type == Type::kCharDevice || entry.type == Type::kBlockDevice)
    text += fmt::format(" {}:{}", entry.dev_major, entry.dev_minor);
  if (entry.type == Type::kFile) text += fmt::format(" {} [{}]", entry.size, data);
  for (const Segment& segment : entry.segments)
    text += fmt::format(" {}+{}@{}", segment.offset, segment.length, segment.stored_offset);
  if (entry.sparse) text += " sparse";
  return text;
}

std::string describe(const Result<Read>& read) {
  if (!read) return fmt::format("{}: {}", to_string(read.error().kind()), read.error().message());
  std::string text;
  for (std::size_t i = 0; i < read->entries.size(); ++i)
    text += (i ? "; " : "") + describe(read->entries[i], read->data[i]);
  return text;
}

std::string sparse_slots(const std::vector<std::uint64_t>& numbers) {
  std::string slots;
  for (const std::uint64_t number : numbers) slots += fmt::format("{:011o}", number) + '\0';
  return slots;
}

std::string at_offset(std::string_view text) { return "tar header at offset " + std::string(text); }

TEST(TarReader, ReadsEveryDialect) {
  const std::string longer(300, 'n');
  const std::string map10 = padded("2\n0\n3\n2048\n4\n");
  struct Case {
    std::string name, bytes, expected;
  } cases[] = {
      {"an empty input", "", ""},
      {"only an end", end(), ""},
      {"ustar", file("a", "hi") + file("b") + end(), "file a 2 [hi]; file b 0 []"},
      {"no end marker", file("a", "hi"), "file a 2 [hi]"},
      {"a lone zero block ends it", file("a") + std::string(512, '\0') + file("b"), "file a 0 []"},
      {"v7: no magic, a slash makes a directory",
       block({.name = "d/", .type = '\0', .prefix = "junk", .magic = kNoMagic}) +
           member({.name = "f", .type = '\0', .magic = kNoMagic}, "x"),
       "dir d/; file f 1 [x]"},
      {"the data of a file that turns out to be a directory is skipped", file("d/", "hi") + file("b"),
       "dir d/; file b 0 []"},
      {"the ustar prefix", member({.name = "b", .prefix = "a/long"}, "x"), "file a/long/b 1 [x]"},
      {"GNU's header has no prefix", member({.name = "b", .prefix = "atime", .magic = kGnuMagic}, "x"), "file b 1 [x]"},
      {"a name that fills its field", file(std::string(100, 'n'), "x"), "file " + std::string(100, 'n') + " 1 [x]"},
      {"an empty name is the root", block({.name = "", .type = '5'}), "dir ."},
      {"links", block({.name = "h", .type = '1', .link = "a"}) + block({.name = "s", .type = '2', .link = "/b"}),
       "link h -> a; symlink s -> /b"},
      {"the size of a link is not followed by data",
       block({.name = "h", .type = '1', .size = 5, .link = "a"}) + file("b"), "link h -> a; file b 0 []"},
      {"nor that of a directory or fifo",
       block({.name = "d", .type = '5', .size = 5}) + block({.name = "p", .type = '6', .size = 700}) + file("b"),
       "dir d; fifo p; file b 0 []"},
      {"devices",
       block({.name = "c", .type = '3', .raw = {{kTarDevMajor, "0000010"}, {kTarDevMinor, "0000377"}}}) +
           block({.name = "b", .type = '4', .raw = {{kTarDevMajor, "0000001"}}}),
       "char c 8:255; block b 1:0"},
      {"contiguous files", member({.name = "a", .type = '7'}, "hi"), "file a 2 [hi]"},
      {"a type that GNU tar does not know is a file", member({.name = "a", .type = 'Z'}, "hi") + file("b"),
       "file a 2 [hi]; file b 0 []"},
      {"a dump directory", member({.name = "d", .type = 'D'}, "Ya\0Nb\0") + file("b"), "dir d; file b 0 []"},
      {"a volume label", member({.name = "v", .type = 'V'}, "x") + file("b"), "file b 0 []"},
      {"GNU long names",
       gnu_long('L', longer) + gnu_long('K', longer + "t") + block({.name = "s", .type = '2', .link = "x"}),
       "symlink " + longer + " -> " + longer + "t"},
      {"pax names and size",
       pax({{"path", longer}, {"size", "3"}}) + block({.name = "cut"}) + padded("abc") + file("b"),
       "file " + longer + " 3 [abc]; file b 0 []"},
      {"pax linkpath", pax({{"linkpath", longer}}) + block({.name = "s", .type = '2', .link = "cut"}),
       "symlink s -> " + longer},
      {"pax wins over GNU in either order",
       gnu_long('L', "gnu") + pax({{"path", "pax"}}) + file("1") + pax({{"path", "pax"}}) + gnu_long('L', "gnu") +
           file("2"),
       "file pax 0 []; file pax 0 []"},
      {"the last of two extended headers counts alone",
       pax({{"path", "one"}, {"size", "9"}}) + pax({{"path", "two"}}) + file("x"), "file two 0 []"},
      {"the last record of a keyword counts", pax({{"path", "one"}, {"path", "two"}}) + file("x"), "file two 0 []"},
      {"Solaris' extended header", pax({{"path", "one"}}, 'X') + file("x"), "file one 0 []"},
      {"an extended header without an entry is nothing", file("a") + pax({{"path", "one"}}) + end(), "file a 0 []"},
      {"a newline and an equals sign in a value", pax({{"path", "a\nb=c"}}) + file("x"), "file a\nb=c 0 []"},
      {"NULs behind the records", member({.name = "p", .type = 'x'}, std::string("9 path=x\n\0\0\0", 12)) + file("y"),
       "file x 0 []"},
      {"global headers add up, an entry's own wins, an empty one takes away",
       pax({{"linkpath", "g"}}, 'g') + pax({{"comment", "c"}}, 'g') + block({.name = "1", .type = '2', .link = "h"}) +
           pax({{"linkpath", "own"}}) + block({.name = "2", .type = '2', .link = "h"}) + pax({{"linkpath", ""}}) +
           block({.name = "3", .type = '2', .link = "h"}) + pax({{"linkpath", ""}}, 'g') +
           block({.name = "4", .type = '2', .link = "h"}),
       "symlink 1 -> g; symlink 2 -> own; symlink 3 -> h; symlink 4 -> h"},
      {"old GNU sparse",
       member(
           {.name = "s",
            .type = 'S',
            .magic = kGnuMagic,
            .raw = {{kTarGnuSparse, sparse_slots({0, 3, 1024, 4, 4096, 0})}, {kTarGnuRealSize, sparse_slots({4096})}}},
           "abcdefg") +
           file("b"),
       "file s 4096 [abcdefg] 0+3@512 1024+4@515 sparse; file b 0 []"},
      {"old GNU sparse with further blocks",
       block({.name = "s",
              .type = 'S',
              .size = 5,
              .magic = kGnuMagic,
              .raw = {{kTarGnuSparse, sparse_slots({0, 1, 10, 1, 20, 1, 30, 1})},
                      {kTarGnuIsExtended, "\1"},
                      {kTarGnuRealSize, sparse_slots({50})}}}) +
           padded(sparse_slots({40, 1})) + padded("abcde") + file("b"),
       "file s 50 [abcde] 0+1@1024 10+1@1025 20+1@1026 30+1@1027 40+1@1028 sparse; file b 0 []"},
      {"pax sparse 0.0",
       pax({{"GNU.sparse.size", "5000"},
            {"GNU.sparse.numblocks", "2"},
            {"GNU.sparse.offset", "0"},
            {"GNU.sparse.numbytes", "3"},
            {"GNU.sparse.offset", "4096"},
            {"GNU.sparse.numbytes", "4"}}) +
           file("s", "abcdefg") + file("b"),
       "file s 5000 [abcdefg] 0+3@1536 4096+4@1539 sparse; file b 0 []"},
      {"pax sparse 0.1",
       pax({{"GNU.sparse.size", "5000"}, {"GNU.sparse.name", "real"}, {"GNU.sparse.map", "512,3,5000,0"}}) +
           file("GNUSparseFile.1/real", "abc"),
       "file real 5000 [abc] 512+3@1536 sparse"},
      {"pax sparse 1.0",
       pax({{"GNU.sparse.major", "1"},
            {"GNU.sparse.minor", "0"},
            {"GNU.sparse.name", "real"},
            {"GNU.sparse.realsize", "3000"}}) +
           member({.name = "s"}, map10 + "abcdefg") + file("b"),
       "file real 3000 [abcdefg] 0+3@2048 2048+4@2051 sparse; file b 0 []"},
      {"a sparse file that is all hole",
       pax({{"GNU.sparse.major", "1"},
            {"GNU.sparse.minor", "0"},
            {"GNU.sparse.name", "real"},
            {"GNU.sparse.realsize", "1099511627776"}}) +
           file("s", padded("1\n1099511627776\n0\n")),
       "file real 1099511627776 [] sparse"},
  };
  for (const Case& c : cases) EXPECT_EQ(describe(read_tar(c.bytes)), c.expected) << c.name;
}

TEST(TarReader, SaysWhatIsWrongAndWhere) {
  std::string bad_checksum = file("a", "hi");
  bad_checksum[0] ^= 1;
  const auto sparse1 = [](const std::string& map) {
    return pax({{"GNU.sparse.major", "1"}, {"GNU.sparse.realsize", "3000"}}) + file("s", padded(map));
  };
  const auto sparse0 = [](const std::string& map, const std::string& data) {
    return pax({{"GNU.sparse.size", "100"}, {"GNU.sparse.map", map}}) + file("s", data);
  };
  struct Case {
    std::string name, bytes, expected;
  } cases[] = {
      {"text", std::string(600, 'x'), at_offset("0: checksum \"xxxxxxxx\" is not a number")},
      {"a flipped bit", bad_checksum, at_offset("0: bad checksum: not a tar archive")},
      {"a flipped bit later", file("b") + bad_checksum, at_offset("512: bad checksum")},
      {"a header cut", file("a").substr(0, 100), "tar archive ends at offset 100, inside a header"},
      {"data cut", file("b/a", std::string(1000, 'x')).substr(0, 700),
       "tar archive ends at offset 700, inside \"b/a\""},
      {"padding cut", file("a", "x").substr(0, 600), "tar archive ends at offset 600, inside \"a\""},
      {"a size beyond the end", block({.name = "a", .size = 1ull << 32}) + end(),
       "tar archive ends at offset 1536, inside \"a\""},
      {"an extended header cut", pax({{"path", "x"}}).substr(0, 515),
       "tar archive ends at offset 515, inside an extended header"},
      {"a negative size", block({.name = "a", .raw = {{kTarSize, std::string(12, '\xff')}}}),
       at_offset("0: negative size")},
      {"not octal", block({.name = "a", .raw = {{kTarMode, "0000089"}}}),
       at_offset("0: mode \"0000089\" is not a number")},
      {"an id beyond 32 bits", pax({{"uid", "4294967296"}}) + file("a"),
       at_offset("1024: uid \"4294967296\" is not an id")},
      {"a size that is none", pax({{"size", "-1"}}) + file("a"), at_offset("1024: size \"-1\" is not a number")},
      {"a time that is none", pax({{"mtime", "1.x"}}) + file("a"), at_offset("1024: mtime \"1.x\" is not a time")},
      {"a record length beyond the header", member({.name = "p", .type = 'x'}, "99 a=b\n"),
       at_offset("0: extended header: record length 99 is out of range")},
      {"a record length too short", member({.name = "p", .type = 'x'}, "2 a=b\n"),
       at_offset("0: extended header: record length 2 is out of range")},
      {"a record without a length", member({.name = "p", .type = 'x'}, "path=b\n"),
       at_offset("0: extended header: a record does not begin with its length")},
      {"a record without a keyword", member({.name = "p", .type = 'x'}, "5 =b\n"),
       at_offset("0: extended header: a record has no keyword")},
      {"a record without a newline", member({.name = "p", .type = 'x'}, "6 a=bcd"),
       at_offset("0: extended header: a record does not end with a newline")},
      {"a NUL in a path", pax({{"path", std::string("a\0b", 3)}}) + file("a"), at_offset("1024: a NUL in the path")},
      {"a link to nothing", block({.name = "a", .type = '2'}), at_offset("0: a link without a target")},
      {"another volume", member({.name = "a", .type = 'M'}, "x"),
       at_offset("0: a file that continues from another volume")},
      {"a sparse map beyond the size", sparse0("99,2", "ab"),
       at_offset("1024: the sparse map goes beyond the file's size")},
      {"a sparse map backwards", sparse0("50,1,10,1", "ab"),
       at_offset("1024: the sparse map is not in ascending order")},
      {"a sparse map that overlaps", sparse0("50,5,54,1", "abcdef"),
       at_offset("1024: the sparse map is not in ascending order")},
      {"a sparse map that overflows", sparse0("50,9223372036854775807", "ab"),
       at_offset("1024: the sparse map goes beyond the file's size")},
      {"a sparse map with more than the data", sparse0("50,5", "ab"),
       at_offset("1024: the sparse map has 5 bytes, the archive 2")},
      {"a sparse map with less than the data", sparse0("50,1", "ab"),
       at_offset("1024: the sparse map has 1 bytes, the archive 2")},
      {"an odd sparse map", sparse0("50", "ab"), at_offset("1024: a sparse map with an odd number of numbers")},
      {"a 1.0 map that is no number", sparse1("x\n"), at_offset("1024: malformed sparse map")},
      {"a 1.0 map without an end", sparse1("3\n0\n1\n"), at_offset("1024: malformed sparse map")},
      {"a 1.0 map longer than the data", sparse1("3\n0\n1\n" + std::string(505, '0')),
       at_offset("1024: malformed sparse map")},
      {"a global sparse map", pax({{"GNU.sparse.size", "1"}}, 'g'), at_offset("0: a sparse map in a global header")},
      {"star's sparse file", member({.name = "a", .type = 'S'}, "x"),
       at_offset("0: a sparse file that is not in GNU's format")},
  };
  for (const Case& c : cases) {
    const auto read = read_tar(c.bytes);
    ASSERT_FALSE(read) << c.name;
    EXPECT_EQ(read.error().message(), c.expected) << c.name;
    EXPECT_NE(read.error().kind(), ErrorKind::kResourceExhausted) << c.name;
  }
}

TEST(TarReader, NamesTheLimitThatWasExceeded) {
  const TarLimits limits{
      .max_pax_header = 100, .max_path = 50, .max_xattr_name = 10, .max_xattr_value = 20, .max_sparse_segments = 2};
  struct Case {
    std::string bytes, expected;
  } cases[] = {
      {pax({{"comment", std::string(100, 'x')}}), "0: beyond the limit of 100 bytes for an extended header"},
      {pax({{"a", std::string(60, 'x')}}, 'g') + pax({{"b", std::string(60, 'x')}}, 'g'),
       "1024: beyond the limit of 100 bytes for all global extended headers"},
      {file(std::string(51, 'x')), "0: beyond the limit of 50 bytes for a path"},
      {gnu_long('L', std::string(51, 'x')), "0: beyond the limit of 51 bytes for a GNU long name"},
      {block({.name = "l", .type = '2', .link = std::string(51, 'x')}),
       "0: beyond the limit of 50 bytes for a link target"},
      {pax({{"SCHILY.xattr.user.123456", ""}}) + file("a"),
       "1024: beyond the limit of 10 bytes for the name of an xattr"},
      {pax({{"SCHILY.xattr.user.a", std::string(21, 'x')}}) + file("a"),
       "1024: beyond the limit of 20 bytes for the value of an xattr"},
      {pax({{"GNU.sparse.size", "9"}, {"GNU.sparse.map", "0,1,2,1,4,1"}}) + file("a", "xyz"),
       "1024: beyond the limit of 2 segments in a sparse file"},
      {pax({{"GNU.sparse.major", "1"}, {"GNU.sparse.realsize", "9"}}) + file("a", padded("3\n")),
       "1024: beyond the limit of 2 segments in a sparse file"},
  };
  for (const Case& c : cases) {
    const auto read = read_tar(c.bytes, limits);
    ASSERT_FALSE(read) << c.expected;
    EXPECT_EQ(read.error().message(), at_offset(c.expected));
    EXPECT_EQ(read.error().kind(), ErrorKind::kResourceExhausted);
  }
}

TEST(TarReader, ReadsNumbersInEveryForm) {
  const auto number = [](std::string_view field) { return parse_tar_number(field); };
  EXPECT_EQ(number("0000644\0"), 0644);
  EXPECT_EQ(number("   644 "), 0644);
  EXPECT_EQ(number("644"), 0644);
  EXPECT_EQ(number(std::string_view("\0\0\0\0", 4)), 0);
  EXPECT_EQ(number("77777777777"), 077777777777);
  EXPECT_EQ(number("0008"), std::nullopt);
  EXPECT_EQ(number("-1"), std::nullopt);
  EXPECT_EQ(number(std::string_view("\x80\0\0\0\0\0\0\2\0\0\0\0", 12)), 0x200000000);
  EXPECT_EQ(number(std::string(12, '\xff')), -1);
  EXPECT_EQ(number("\xff\xff\xff\xfe"), -2);
  EXPECT_EQ(number(std::string_view("\x80\0\0\0\x7f\xff\xff\xff\xff\xff\xff\xff", 12)),
            std::numeric_limits<std::int64_t>::max());
  EXPECT_EQ(number(std::string_view("\x80\0\0\0\x80\0\0\0\0\0\0\0", 12)), std::nullopt);
  EXPECT_EQ(number(std::string_view("\x80\0\1\0\0\0\0\0\0\0\0\0", 12)), std::nullopt);
  EXPECT_EQ(number(std::string_view("\xff\xff\xff\xff\x80\0\0\0\0\0\0\0", 12)),
            std::numeric_limits<std::int64_t>::min());
}

TEST(TarReader, ReadsSizesOver8GigabytesAndIdsInBase256) {
  const auto read = [](const std::string& bytes) {
    MemorySource source(bytes);
    TarReader tar(source);
    return *tar.next().value();
  };
  EXPECT_EQ(read(block({.name = "a", .raw = {{kTarSize, std::string("\x80\0\0\0\0\0\0\5\0\0\0\0", 12)}}})).size,
            5ull << 32);
  EXPECT_EQ(read(pax({{"size", "21474836480"}}) + block({.name = "a"})).size, 5ull << 32);
  EXPECT_EQ(read(block({.name = "a", .raw = {{kTarUid, std::string("\x80\0\0\0\x77\x35\x94\0", 8)}}})).uid,
            2000000000u);
  EXPECT_EQ(read(block({.name = "a", .raw = {{kTarGid, std::string("\xff\xff\xff\xff\xff\xff\xff\xfe", 8)}}})).gid,
            4294967294u);
  EXPECT_EQ(read(block({.name = "a", .raw = {{kTarMode, "0104755"}}})).mode, 04755u);
}

TEST(TarReader, TimesHaveNanosecondsAndMayBeNegative) {
  struct Case {
    const char* text;
    std::int64_t seconds;
    std::uint32_t nanoseconds;
  } cases[] = {
      {"5", 5, 0},
      {"1.5", 1, 500000000},
      {"1.", 1, 0},
      {"-1.5", -2, 500000000},
      {"-0.000000001", -1, 999999999},
      {"1.0000000019", 1, 1},
      {"-1.0000000001", -2, 999999999},
      {"-0.9999999999", -1, 0},
      {"4294967296.25", 4294967296, 250000000},
      {"-3", -3, 0},
  };
  for (const Case& c : cases) {
    const auto read = read_tar(pax({{"mtime", c.text}}) + file("a"));
    ASSERT_TRUE(read) << c.text;
    EXPECT_EQ(read->entries[0].mtime_sec, c.seconds) << c.text;
    EXPECT_EQ(read->entries[0].mtime_nsec, c.nanoseconds) << c.text;
  }
  EXPECT_EQ(format_pax_time({-2, 500000000}), "-1.5");
  EXPECT_EQ(format_pax_time({-1, 999999999}), "-0.000000001");
  EXPECT_EQ(format_pax_time({7, 1000}), "7.000001");
  EXPECT_EQ(format_pax_time({-3, 0}), "-3");
  EXPECT_EQ(format_pax_time({0, 0}), "0");
  EXPECT_EQ(parse_pax_time("99999999999999999999"), std::nullopt);
  const auto base256 = read_tar(block({.name = "a", .raw = {{kTarMtime, std::string(11, '\xff') + '\xfb'}}}));
  EXPECT_EQ(base256->entries[0].mtime_sec, -5);
}

TEST(TarReader, XattrsAndAclsKeepTheirBytes) {
  const std::string capability("\x01\0\0\x02\0\x20\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 20);
  const auto xattrs =
      read_tar(pax({{"SCHILY.xattr.security.capability", capability},
                    {"SCHILY.xattr.user.a%3Db", "1"},
                    {"SCHILY.xattr.user.p%25q%7A", "2"},
                    {"SCHILY.xattr.user.empty", ""},
                    {"LIBARCHIVE.xattr.user.my%20name", "AAECA/8"},
                    {"LIBARCHIVE.xattr.user.both", "AAEC"},
                    {"SCHILY.xattr.user.both", "raw\n"},
                    {"SCHILY.acl.access", "user::rw-,user:daemon:r--:1,user:77:rw-,group::r--,mask::rw-,other::---"}}) +
               file("a"))
          ->entries[0]
          .xattrs;
  const std::map<std::string, std::string> expected = {
      {"security.capability", capability},
      {"user.a=b", "1"},
      {"user.p%q%7A", "2"},
      {"user.empty", ""},
      {"user.my name", std::string("\0\1\2\3\xff", 5)},
      {"user.both", "raw\n"},
      {"system.posix_acl_access",
       std::string("\2\0\0\0\1\0\6\0\xff\xff\xff\xff\2\0\4\0\1\0\0\0\2\0\6\0\x4d\0\0\0"
                   "\4\0\4\0\xff\xff\xff\xff\x10\0\6\0\xff\xff\xff\xff\x20\0\0\0\xff\xff\xff\xff",
                   52)},
  };
  EXPECT_EQ(xattrs, expected);
  // Long forms; and what cannot be converted is left out.
  EXPECT_FALSE(
      read_tar(pax({{"SCHILY.acl.default", "user::rwx\ngroup::r-x\t#effective:r--\nother::r--\n"}}) + file("a"))
          ->entries[0]
          .xattrs.at("system.posix_acl_default")
          .empty());
  for (const char* bad : {"user::rw-,user:lisa:r--,group::r--,mask::rw-,other::---", "user::rw-,group::r--", "nonsense",
                          "user::rw-,user:1:r--,group::r--,other::---", "user::rwz,group::r--,other::---"})
    EXPECT_TRUE(read_tar(pax({{"SCHILY.acl.access", bad}}) + file("a"))->entries[0].xattrs.empty()) << bad;
}

TEST(TarReader, TakesTheSignedChecksumsOfOldTars) {
  TarBlock raw;
  const std::string bytes = block({.name = "\xe9t\xe9"});
  std::copy(bytes.begin(), bytes.end(), raw.bytes.begin());
  ASSERT_NE(raw.signed_checksum(), raw.unsigned_checksum());
  format_tar_number(raw, kTarChecksum, static_cast<std::uint64_t>(raw.signed_checksum()));
  EXPECT_EQ(describe(read_tar(std::string(raw.bytes.data(), 512))), "file \xe9t\xe9 0 []");
}

TEST(TarReader, LeavesWhatFollowsTheEnd) {
  const std::string bytes = file("a", "hi") + end() + "trailer";
  EXPECT_EQ(read_tar(bytes)->position, 1536u);
  MemorySource source(bytes);
  TarReader tar(source);
  ASSERT_TRUE(tar.next().value());
  ASSERT_FALSE(tar.next().value());
  ASSERT_FALSE(tar.next().value());
  EXPECT_EQ(read_all(source, 1000).value(), std::string(512, '\0') + "trailer");
}

TEST(TarReader, SkipsDataThatNobodyRead) {
  const std::string bytes = file("a", std::string(70000, 'x')) + file("b", "y") + end();
  MemorySource source(bytes);
  TarReader tar(source);
  ASSERT_TRUE(tar.next().value());
  std::array<std::byte, 10> some;
  EXPECT_EQ(tar.read_data(some).value(), 10u);
  EXPECT_EQ(tar.next().value()->path, "b");
}

}  // namespace
}  // namespace strata::codec
