// What Images::check() finds: records of images that do not fit together.
#pragma once

#include <string>

#include "oci/digest.h"

namespace strata::images {

struct ImageDefect {
  enum class Kind {
    kConfig,     // its bytes do not have the image's ID, or cannot be read: fetched again, or lost
    kLayers,     // the list of layers is not the config's: made again from the config
    kLayer,      // a layer is not recorded: fetched again, or lost
    kReference,  // nothing keeps a layer from being removed: referenced again
    kManifest,   // damaged: forgotten; a push makes another
    kOrphan,     // a reference of an image that is not recorded: dropped
  };
  Kind kind = Kind::kConfig;
  oci::Digest image;
  std::string what;  // without the image's name
  std::string key;   // of the manifest, or the chain ID of the layer
};

}  // namespace strata::images
