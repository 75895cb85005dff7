// An image whose layers are merged into one: the same root file system, without what layers hide of
// each other.
#pragma once

#include "base/result.h"
#include "images/image.h"

namespace strata::store {
class Lease;
}

namespace strata::images {

class Images;

// The squashed image, as a value: it has no record and no names, and its one layer is committed and
// held by `lease` alone; Images::drop_layers() takes it away when the lease is gone. Its history is
// the image's, all of it without layers, and one line more. The same image gives the same bytes. An
// image with no more than one layer is returned as it is.
Result<Image> squash(Images& images, store::Lease& lease, const Image& image);

}  // namespace strata::images
