#include "images/images.h"

#include <algorithm>

#include "images/records.h"
#include "layers/layers.h"
#include "oci/chain_id.h"
#include "store/database.h"
#include "store/lease.h"
#include "store/reference.h"
#include "store/store.h"

namespace strata::images {
namespace {

Error no_such_image(std::string_view name) { return error(ErrorKind::kNotFound, "No such image: {}", name); }

bool is_hex(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

// The hexadecimal digits of "abc123", "sha256:abc123" or a whole ID; empty when it can be none.
std::string_view id_digits(std::string_view text) {
  if (text.starts_with("sha256:")) text.remove_prefix(7);
  return is_hex(text) && text.size() <= 64 ? text : std::string_view();
}

// The image that a reference names, nothing when it names none.
Result<std::optional<oci::Digest>> image_of(store::Database& db, const oci::Reference& reference) {
  if (!reference.digest) return records::image_of_tag(db, reference.with_default_tag());
  // name@<image ID> is taken as well, as docker takes it.
  return records::image_of_repo_digest(db, reference);
}

}  // namespace

const store::Schema& Images::schema() { return records::schema(); }

Result<oci::Digest> Images::find_id(std::string_view name_or_id) {
  store::Database& db = store_.db();
  const std::string_view digits = id_digits(name_or_id);
  if (digits.size() == 64) {
    const oci::Digest id = TRY(oci::Digest::from_hex(digits));
    if (TRY(records::is_visible(db, id))) return id;
    return no_such_image(name_or_id);
  }
  const Result<oci::Reference> reference = oci::Reference::parse(name_or_id);
  if (reference)
    if (const auto id = TRY(image_of(db, *reference))) return *id;
  if (!digits.empty()) {
    const auto found = TRY(records::images_with_prefix(db, digits, 2));
    if (found.size() == 1) return found.front();
    if (found.size() > 1) return error(ErrorKind::kConflict, "image ID prefix {} is ambiguous", name_or_id);
  }
  if (!reference) return reference.error();
  return no_such_image(reference->with_default_tag().familiar());
}

Result<Image> Images::find(std::string_view name_or_id) { return get(TRY(find_id(name_or_id))); }

Result<Image> Images::get(const oci::Digest& id) {
  if (auto image = TRY(records::load(store_.db(), id))) return *std::move(image);
  return no_such_image(id.to_string());
}

Result<std::vector<ImageSummary>> Images::list() { return records::list(store_.db()); }

Result<> Images::hold(store::Lease& lease, const oci::Digest& id) { return lease.hold(store::kImage, id.to_string()); }

Result<> Images::tag(const oci::Digest& id, const oci::Reference& target) {
  if (target.digest) return error(ErrorKind::kInvalidArgument, "refusing to create a tag with a digest reference");
  if (target.familiar_name() == "sha256")  // "sha256:TAG" would read like an ID
    return error(ErrorKind::kInvalidArgument, "refusing to create an ambiguous tag using digest algorithm as name");
  store::Transaction change = TRY(store_.db().begin());
  if (!TRY(records::is_visible(store_.db(), id))) return no_such_image(id.to_string());
  TRY(records::set_tag(store_.db(), target.with_default_tag(), id));
  return change.commit();
}

Result<std::vector<oci::Reference>> Images::tags_of(const oci::Reference& repository) {
  return records::tags_in(store_.db(), repository);
}

Result<std::uint64_t> Images::size_of(std::span<const oci::Digest> chain_ids) {
  std::uint64_t size = 0;
  for (const oci::Digest& chain : chain_ids) {
    const auto layer = TRY(layers_.find(chain));
    if (!layer) return error(ErrorKind::kNotFound, "layer {} is not here", chain.to_string());
    size += layer->tar_size;
  }
  return size;
}

Result<Image> Images::add(std::string_view config_bytes, const std::optional<oci::Reference>& tag) {
  const oci::Digest id = oci::Digest::of(config_bytes);
  const oci::ImageConfig config = TRY(oci::ImageConfig::parse(config_bytes));
  const auto chain_ids = oci::chain_ids(config.diff_ids);
  const std::uint64_t size = TRY(size_of(chain_ids));
  store::Transaction change = TRY(store_.db().begin());
  TRY(records::insert(store_, id, config_bytes, parse_rfc3339(config.created).value_or(Timestamp()), size, chain_ids));
  if (tag) TRY(records::set_tag(store_.db(), tag->with_default_tag(), id));
  // Before a prune can take it again.
  Image image = TRY(get(id));
  TRY(change.commit());
  return image;
}

}  // namespace strata::images
