#include <algorithm>

#include "base/json.h"
#include "base/strings.h"
#include "cli/format.h"
#include "cli/options.h"
#include "cli/table.h"
#include "cli/verbs.h"
#include "engine/registry_settings.h"
#include "registry/client.h"
#include <fmt/core.h>

namespace strata::cli {
namespace {

constexpr std::size_t kDescriptionWidth = 45;
constexpr int kDefaultLimit = 25;
constexpr Column kColumns[] = {{"Name", "NAME"},
                               {"Description", "DESCRIPTION"},
                               {"StarCount", "STARS"},
                               {"IsOfficial", "OFFICIAL"},
                               {"IsAutomated", "AUTOMATED"}};

struct Filter {
  std::optional<bool> official, automated;
  std::int64_t stars = 0;

  bool matches(const registry::FoundRepository& found) const {
    return found.stars >= stars && official.value_or(found.official) == found.official &&
           automated.value_or(found.automated) == found.automated;
  }
};

Result<bool> truth(const std::string& key, const std::string& value) {
  if (value == "true" || value == "1") return true;
  if (value == "false" || value == "0") return false;
  return error(ErrorKind::kInvalidArgument, "invalid filter '{}={}'", key, value);
}

Result<Filter> parse_filter(const std::vector<std::string>& texts) {
  Filter filter;
  for (const std::string& text : texts) {
    const auto equals = text.find('=');
    if (equals == std::string::npos) return error(ErrorKind::kInvalidArgument, "invalid filter '{}'", text);
    const std::string key = text.substr(0, equals), value = text.substr(equals + 1);
    if (key == "is-official") {
      filter.official = TRY(truth(key, value));
    } else if (key == "is-automated") {
      filter.automated = TRY(truth(key, value));
    } else if (key == "stars") {
      const auto stars = parse_signed(value);
      if (!stars) return error(ErrorKind::kInvalidArgument, "invalid filter 'stars={}'", value);
      filter.stars = std::max(filter.stars, *stars);
    } else {
      return error(ErrorKind::kInvalidArgument, "invalid filter '{}'", key);
    }
  }
  return filter;
}

// "host:5000/nginx" asks that registry, "nginx" and "user/nginx" Docker Hub.
struct Query {
  std::string registry{oci::kDockerHub};
  std::string term;
};
Query query_of(const std::string& typed) {
  const auto slash = typed.find('/');
  const std::string first = typed.substr(0, slash);
  const bool is_host =
      slash != std::string::npos && (first.find_first_of(".:") != std::string::npos || first == "localhost");
  if (!is_host) return {.term = typed};
  if (first == "index.docker.io" || first == "docker.io") return {.term = typed.substr(slash + 1)};
  return {first, typed.substr(slash + 1)};
}

std::string description_of(const registry::FoundRepository& found, bool whole) {
  std::string text = found.description;
  std::ranges::replace(text, '\n', ' ');
  std::ranges::replace(text, '\r', ' ');
  text = printable(text);
  return whole ? text : ellipsis(text, kDescriptionWidth);
}

}  // namespace

Result<int> run_search(Context& context, const Verb& verb, Arguments arguments) {
  std::vector<std::string> filters, terms;
  std::string format;
  std::optional<std::int64_t> limit;
  bool whole = false;
  Options options(verb);
  options.filters("-f,--filter", filters, "Filter output based on conditions provided");
  options.value("--format", format, "Pretty-print search using a Go template");
  options.value("--limit", limit, "Max number of search results");
  options.flag("--no-trunc", whole, "Don't truncate output");
  options.arguments(terms, 1, 1);
  if (!TRY(options.parse(arguments))) return 0;
  const Filter filter = TRY(parse_filter(filters));
  const std::int64_t most = limit.value_or(kDefaultLimit);
  if (most < 1 || most > 100)
    return error(ErrorKind::kInvalidArgument, "limit {} is outside the range of [1, 100]", most);
  std::optional<ListFormat> list;
  if (!ListFormat::is_default(format)) list = TRY(ListFormat::parse(format, "search result", kColumns));

  // Needs no store: whoever may not open one can search.
  const registry::Settings settings = engine::registry_settings(context.settings());
  const auto client = TRY(registry::Client::open(settings));
  const Query query = query_of(terms[0]);
  Table table({"NAME", "DESCRIPTION", "STARS", "OFFICIAL"});
  for (const registry::FoundRepository& found :
       TRY(client->search(query.registry, query.term, static_cast<int>(most)))) {
    if (!filter.matches(found)) continue;
    const std::string name = printable(found.name), official = found.official ? "[OK]" : "";
    const std::string description = description_of(found, whole);
    if (list)
      TRY(list->add(
          {{"Name", name},
           {"Description", description},
           {"StarCount", std::to_string(found.stars)},
           {"IsOfficial", list->is_json() ? (found.official ? "true" : "false") : official},
           {"IsAutomated", list->is_json() ? (found.automated ? "true" : "false") : (found.automated ? "[OK]" : "")}}));
    else
      table.add({name, description, std::to_string(found.stars), official});
  }
  fmt::print("{}", list ? TRY(list->text()) : table.to_string());
  return 0;
}

}  // namespace strata::cli
