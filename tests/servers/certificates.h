// A private CA and a certificate for 127.0.0.1 and localhost, made with the openssl program in a
// directory.
#pragma once

#include <string>

namespace strata::test {

struct Certificates {
  std::string ca;  // PEM files
  std::string certificate;
  std::string key;
};

// Aborts when openssl fails.
Certificates make_certificates(const std::string& directory, const std::string& common_name = "Strata test CA");

}  // namespace strata::test
