#include "config/file.hpp"

#include <cerrno>
#include <cstdio>
#include <memory>
#include <system_error>

#include <troupe/config.hpp>

namespace troupe {
namespace {

struct closer {
  void operator()(std::FILE* f) const noexcept { static_cast<void>(std::fclose(f)); }
};

}  // namespace

expected<std::string> read_file(const std::string& path, std::size_t bytes_max) {
  const std::unique_ptr<std::FILE, closer> file(std::fopen(path.c_str(), "rb"));
  if (file == nullptr) return fail(errc::not_found, "cannot be opened: " + std::generic_category().message(errno));
  std::string bytes(bytes_max + 1, '\0');
  errno = 0;
  const std::size_t count = std::fread(bytes.data(), 1, bytes.size(), file.get());
  if (std::ferror(file.get()) != 0) {
    return fail(errc::not_found, "cannot be read: " + std::generic_category().message(errno));
  }
  if (count > bytes_max) return fail(errc::too_large, "has more than " + format_size(bytes_max));
  bytes.resize(count);
  return bytes;
}

}  // namespace troupe
