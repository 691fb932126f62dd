#include "actors/db/cache_backing.hpp"

namespace troupe {

std::string namespace_of_cache(std::string_view cache_name) {
  std::string name = "cache_";
  for (const char c : cache_name) {
    const char lower = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    const bool allowed = (lower >= 'a' && lower <= 'z') || (lower >= '0' && lower <= '9');
    name += allowed ? lower : '_';
  }
  return name;
}

class cache_backing::command_job final : public database_job {
 public:
  command_job(committed_store& store, backed& b, const cache_command& command, time_point deadline, reply_callback done)
      : database_job(deadline), store_(store), backed_(b), owned_(command), done_(std::move(done)) {}

  bool writes() const noexcept override {
    return owned_.command.op == cache_op::put || owned_.command.op == cache_op::erase;
  }

  std::size_t bytes() const noexcept override { return sizeof(*this) + owned_.key.size() + owned_.value.size(); }

  expected<void> run(database_session& session, const batch_times& times) override {
    auto reply = backed_.table.execute(session, owned_.borrow(), times, [this](std::uint64_t above) {
      return store_.next_version(owned_.command.cache, owned_.key, above);
    });
    if (!reply) return tl::unexpected(reply.error());
    reply_ = std::move(*reply);
    now_ = times.now;
    return {};
  }

  void done(expected<void> outcome) override {
    if (outcome) {
      if (reply_.code == errc::ok) show();
      if (owned_.command.op == cache_op::head) reply_.value.clear();
      done_(std::move(reply_));
      return;
    }
    if (outcome.error().code == errc::outcome_unknown) forget();
    done_(owned_reply::failed(outcome.error().code, std::move(outcome.error().context)));
  }

 private:
  void show() {
    const auto cache = owned_.command.cache;
    switch (owned_.command.op) {
      case cache_op::get:
      case cache_op::head:
        return store_.apply_loaded(cache, owned_.key, reply_.value, reply_.version, reply_.ttl, now_);
      case cache_op::put:
        return store_.apply_committed(cache, owned_.key, owned_.value, reply_.version, reply_.ttl, now_);
      case cache_op::erase: return store_.apply_erased(cache, owned_.key, reply_.version);
      case cache_op::run: return;  // refused by the router
    }
  }

  // The database may hold the old row or the new one: memory must claim neither.
  void forget() {
    const auto version = store_.next_version(owned_.command.cache, owned_.key, reply_.version);
    if (version != 0) store_.apply_erased(owned_.command.cache, owned_.key, version);
  }

  committed_store& store_;
  backed& backed_;
  owned_command owned_;
  reply_callback done_;
  owned_reply reply_;
  time_point now_{};
};

class cache_backing::sweep_job final : public database_job {
 public:
  sweep_job(cache_backing& owner, backed& b, time_point deadline) : database_job(deadline), owner_(owner), backed_(b) {}

  bool writes() const noexcept override { return true; }

  expected<void> run(database_session& session, const batch_times& times) override {
    auto deleted = backed_.table.sweep(session, times, sweep_rows_max);
    if (!deleted) return tl::unexpected(deleted.error());
    more_ = *deleted == sweep_rows_max;
    return {};
  }

  // What could not be swept now is found by the next sweep.
  void done(expected<void> outcome) override {
    if (outcome && more_) owner_.submit_sweep(backed_, deadline());
  }

 private:
  cache_backing& owner_;
  backed& backed_;
  bool more_ = false;
};

expected<std::unique_ptr<cache_backing>> cache_backing::open(database_pool& pool, committed_store& store,
                                                             const std::vector<backed_cache>& caches) {
  auto backing = std::make_unique<cache_backing>(pool, store);
  for (const auto& c : caches) {
    const auto name_space = namespace_of_cache(c.name);
    if (!is_namespace(name_space))
      return fail(errc::bad_config, "the name of the backed cache '" + c.name + "' is too long");
    if (!backing->namespaces_.insert(name_space).second)
      return fail(errc::bad_config, "the backed cache '" + c.name + "' would share the database namespace " +
                                        name_space + " with another one: names must differ in letters and digits");
    auto lane = pool.open(name_space, cache_table::schema(pool.dialect()));
    if (!lane) return fail(lane.error().code, "backed cache '" + c.name + "': " + lane.error().context);
    backing->caches_.emplace(c.id, backed{*lane, cache_table(pool.dialect())});
  }
  return backing;
}

void cache_backing::submit(const cache_command& command, time_point deadline, reply_callback done) {
  const auto found = caches_.find(command.cache);
  if (found == caches_.end()) return done(owned_reply::failed(errc::not_found, "the cache is not backed"));
  pool_.submit(found->second.lane,
               std::make_shared<command_job>(store_, found->second, command, deadline, std::move(done)));
}

void cache_backing::sweep(time_point now) {
  for (auto& [id, b] : caches_) submit_sweep(b, now + sweep_deadline);
}

void cache_backing::submit_sweep(backed& b, time_point deadline) {
  pool_.submit(b.lane, std::make_shared<sweep_job>(*this, b, deadline));
}

}  // namespace troupe
