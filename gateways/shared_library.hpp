// A library of the system that is loaded when it is first needed and stays: a node that talks to no PostgreSQL pays
// nothing for libpq, which brings Kerberos, LDAP and GnuTLS with it (measured: 22 libraries, 3 MiB, 9 ms of start).
#pragma once

#include <troupe/error.hpp>

namespace troupe {

class shared_library {
 public:
  /// `soname` with its version. errc::unavailable, with the loader's words, when it is not there.
  [[nodiscard]] static expected<shared_library> load(const char* soname);

  /// The address of `name`, as the type of `at` says; errc::unavailable when the library lacks it.
  template <class Function>
  [[nodiscard]] expected<void> find(const char* name, Function*& at) const {
    const auto found = address_of(name);
    if (!found) return tl::unexpected(found.error());
    at = reinterpret_cast<Function*>(*found);
    return {};
  }

 private:
  explicit shared_library(void* handle) noexcept : handle_(handle) {}
  [[nodiscard]] expected<void*> address_of(const char* name) const;

  void* handle_;  // never closed: its code may run until the process ends
};

}  // namespace troupe
