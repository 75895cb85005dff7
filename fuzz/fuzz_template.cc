// Any template must end, in bounded time and space, with text or an error that is printable.
#include <cstdlib>
#include <string>
#include <string_view>

#include "base/json.h"
#include "cli/template/template.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > 4096) return 0;
  static const strata::ordered_json kData = strata::ordered_json::parse(R"({"Id":"sha256:abc","RepoTags":["x:1","y:2"],
    "Size":12,"Config":{"Labels":{"a":"1"},"Env":null},"Foo":{"y":[1,2.5,true,null,"s"],"m":{"k":"v"}}})");
  const auto parsed = strata::cli::Template::parse({reinterpret_cast<const char*>(data), size});
  if (!parsed) {
    if (!parsed.error().message().starts_with("template parsing error: ")) std::abort();
    return 0;
  }
  std::string out;
  const auto rendered = parsed->render(kData, out);
  if (!rendered && !out.empty()) std::abort();
  return 0;
}
