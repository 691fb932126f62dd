#include "actors/disk/disk_writer.hpp"

#include <map>

#include "actors/disk/durable_file.hpp"

namespace troupe {

disk_writer::disk_writer() : thread_("troupe-disk", carry_out) {}

void disk_writer::write(std::string path, std::string bytes, callback done) {
  job j{std::move(path), std::move(bytes), std::move(done)};
  if (!thread_.push(j)) j.done(fail(errc::unavailable, "the node is stopping"));
}

void disk_writer::carry_out(std::vector<job>& batch) {
  std::map<std::string, std::size_t> last;
  for (std::size_t i = 0; i < batch.size(); ++i) last[batch[i].path] = i;
  std::map<std::string, expected<void>> results;
  for (const auto& [path, index] : last) results[path] = write_durably(path, batch[index].bytes);
  for (auto& j : batch) {
    if (j.done) j.done(results[j.path]);
  }
}

}  // namespace troupe
