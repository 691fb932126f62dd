#include "gateways/kvs/builtin_store.hpp"

#include <charconv>
#include <future>
#include <memory>
#include <string_view>
#include <utility>

#include "runtime/election/store_entry.hpp"

namespace troupe {

namespace {

// "<version> <released 0|1>\n" before what every byte store keeps.
std::string head_of(const leader_entry& e) { return std::to_string(e.version) + (e.released ? " 1\n" : " 0\n"); }

expected<leader_entry> decode(std::string_view bytes) {
  const auto refuse = [] { return fail(errc::corrupt, "kvs: the key holds no leader's entry"); };
  const auto line = bytes.find('\n');
  if (line == bytes.npos || line < 3) return refuse();
  std::uint64_t version = 0;
  const auto* end = bytes.data() + line - 2;
  const auto read = std::from_chars(bytes.data(), end, version);
  const auto released = bytes.substr(line - 2, 2);
  if (read.ec != std::errc() || read.ptr != end || version == 0 || (released != " 0" && released != " 1"))
    return refuse();
  auto entry = decode_store_value(bytes.substr(line + 1));
  if (!entry) return refuse();
  entry->version = version;
  entry->released = released == " 1";
  return entry;
}

}  // namespace

expected<kvs_result> builtin_store::ask(kvs_request r) {
  const auto until = r.deadline + answer_grace;
  auto answer = std::make_shared<std::promise<kvs_result>>();
  auto came = answer->get_future();
  kvs_.ask(std::move(r), [answer](kvs_result result) { answer->set_value(std::move(result)); });
  if (came.wait_until(until) != std::future_status::ready)
    return fail(errc::deadline_exceeded, "kvs: the node did not come to it");
  auto result = came.get();
  if (result.code == errc::ok || result.code == errc::not_found) return result;
  return fail(result.code, "kvs: " + result.context);
}

expected<leader_reading> builtin_store::get(const std::string& key, time_point deadline) {
  known_.reset();
  kvs_request r;
  r.key = key;
  r.deadline = deadline;
  auto result = ask(std::move(r));
  if (!result) return tl::unexpected(std::move(result.error()));
  leader_reading reading;
  reading.run = 1;  // it never forgets
  if (result->code == errc::not_found) return reading;
  auto entry = decode(result->value);
  if (!entry) return tl::unexpected(std::move(entry.error()));
  known_ = known{key, *entry, result->version};
  reading.entry = std::move(*entry);
  return reading;
}

/// The service's version of the entry with this version.
expected<void> builtin_store::know(const std::string& key, std::uint64_t version, time_point deadline) {
  const auto is_known = [&] { return known_ && known_->key == key && known_->entry.version == version; };
  if (is_known()) return {};
  if (auto read = get(key, deadline); !read) return tl::unexpected(std::move(read.error()));
  if (!is_known()) return fail(errc::condition_failed, "kvs: the entry has another version");
  return {};
}

expected<void> builtin_store::set(const std::string& key, leader_entry next, std::uint64_t over, time_point deadline) {
  auto value = encode_store_value(next);
  if (!value) return tl::unexpected(std::move(value.error()));
  kvs_request r;
  r.op = kvs_op::put;
  r.key = key;
  r.value = head_of(next) + *value;
  r.condition = over == 0 ? kvs_condition::absent : kvs_condition::version;
  r.version = over;
  r.deadline = deadline;
  known_.reset();
  auto result = ask(std::move(r));
  if (!result) return tl::unexpected(std::move(result.error()));
  known_ = known{key, std::move(next), result->version};
  return {};
}

expected<void> builtin_store::compare_and_set(const std::string& key, std::uint64_t version, const leader_entry& next,
                                              time_point deadline) {
  std::uint64_t over = 0;
  if (version != 0) {
    if (auto done = know(key, version, deadline); !done) return done;
    over = known_->kvs_version;
  }
  auto entry = next;
  entry.released = false;
  return set(key, std::move(entry), over, deadline);
}

expected<void> builtin_store::touch(const std::string& key, std::uint64_t version, std::uint64_t next_version,
                                    bool released, time_point deadline) {
  if (auto done = know(key, version, deadline); !done) return done;
  auto entry = known_->entry;
  const auto over = known_->kvs_version;
  entry.version = next_version;
  entry.released = entry.released || released;
  return set(key, std::move(entry), over, deadline);
}

expected<void> builtin_store::renew(const std::string& key, std::uint64_t version, std::uint64_t next_version,
                                    time_point deadline) {
  return touch(key, version, next_version, false, deadline);
}

expected<void> builtin_store::release(const std::string& key, std::uint64_t version, std::uint64_t next_version,
                                      time_point deadline) {
  return touch(key, version, next_version, true, deadline);
}

}  // namespace troupe
