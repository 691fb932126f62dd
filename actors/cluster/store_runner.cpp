#include "actors/cluster/store_runner.hpp"

#include <utility>

namespace troupe {

store_runner::store_runner(std::shared_ptr<leader_store> store, std::string key)
    : store_(std::move(store)), key_(std::move(key)), thread_("troupe-kvs", [this](std::vector<job>& batch) {
        for (auto& j : batch) {
          auto result = carry_out(j);
          j.done({j.request.number, std::move(result), store_->may_forget()});
        }
      }) {}

// Once it was stopped nobody waits for the answer any more.
void store_runner::ask(store_request request, callback done) {
  const auto deadline = std::chrono::steady_clock::now() + request.limit;
  job j{std::move(request), deadline, std::move(done)};
  (void)thread_.push(j);
}

expected<leader_reading> store_runner::carry_out(const job& j) {
  const auto& r = j.request;
  expected<void> done;
  switch (r.what) {
    case store_call::read: return store_->get(key_, j.deadline);
    case store_call::set: done = store_->compare_and_set(key_, r.version, r.next, j.deadline); break;
    case store_call::renew: done = store_->renew(key_, r.version, r.next.version, j.deadline); break;
    case store_call::release: done = store_->release(key_, r.version, r.next.version, j.deadline); break;
  }
  if (!done) return tl::unexpected(std::move(done.error()));
  return leader_reading{};
}

}  // namespace troupe
