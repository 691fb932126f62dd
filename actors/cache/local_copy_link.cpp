#include "actors/cache/local_copy_link.hpp"

#include <algorithm>
#include <utility>

#include "actors/clock.hpp"
#include "runtime/cache/procedures/command_keys.hpp"

namespace troupe {

namespace {

time_point now() { return clock_now(); }

}  // namespace

std::vector<std::uint64_t> local_copy_link::limits() const {
  std::vector<std::uint64_t> most;
  for (const auto& c : with_.caches.all()) {
    const auto wanted = c.settings.memory_max > 0 ? c.settings.memory_max : bytes_max_usual;
    most.push_back(c.everywhere ? wanted : 0);
  }
  return most;
}

local_copy_link::local_copy_link(surroundings s)
    : with_(std::move(s)), confirmed_(with_.host.shards()), copy_(limits(), with_.host.shards(), with_.seed) {
  for (const auto most : limits()) kept_.push_back(most > 0);
  for (auto& c : confirmed_) c = time_point::min().time_since_epoch().count();
}

void local_copy_link::start() {
  if (with_.link == nullptr) return;
  with_.link->handle_requests(link_request_kind::copies, [this](const link_request& request, link_responder responder) {
    const auto asked =
        decode_copy_request(request.body, [this](std::string_view name) { return with_.caches.find(name); });
    if (!asked) return responder.answer(tl::unexpected<error>(asked.error()));
    copy_reading reading(*asked);
    if (const auto done = read(*asked, reading); !done) return responder.answer(tl::unexpected<error>(done.error()));
    responder.answer(encode_copy_page(reading.page()));
  });
  if (std::find(kept_.begin(), kept_.end(), true) == kept_.end()) return;
  for (std::size_t c = 0; c < kept_.size(); ++c) {
    if (kept_[c]) with_.changes.follow(*this, static_cast<cache_id>(c));
  }
}

void local_copy_link::close() {
  if (!closed_.exchange(true)) with_.changes.unfollow();
}

// --- readers

bool local_copy_link::find(const cache_command& command, std::uint64_t topology, time_point at,
                           cache_access::visitor visit, bool only_present) {
  const auto shard = with_.host.shard_of_key(command.key);
  const std::lock_guard lock(mutex_);
  if (std::exchange(topology_, topology) != topology) copy_.on_all_passed(at);
  const time_point confirmed{duration(confirmed_[shard].load(std::memory_order_acquire))};
  const auto found = copy_.find(command.cache, shard, command.key, confirmed, at);
  if (!found || (only_present && !found->found)) return false;
  cache_reply r;
  r.code = found->found ? errc::ok : errc::not_found;
  r.version = found->version;
  r.ttl = found->ttl;
  if (command.op == cache_op::get) r.value = found->value;
  visit(r);
  return true;
}

local_copy_link::left local_copy_link::begin(const cache_command& command) {
  left l;
  if (command.op == cache_op::get || command.op == cache_op::head) {
    l.read = std::string(command.key);
    return l;
  }
  const std::lock_guard lock(mutex_);
  l.all = !keys_of_command(command,
                           [&](std::string_view key) { l.keys.emplace_back(key, copy_.on_leave(command.cache, key)); });
  if (l.all) copy_.on_leave_all();
  return l;
}

void local_copy_link::end(cache_id cache, const left& l, const owned_reply& reply) {
  const std::lock_guard lock(mutex_);
  if (l.read && (reply.code == errc::ok || reply.code == errc::not_found)) {
    const bool found = reply.code == errc::ok;
    copy_.on_read(cache, *l.read, found ? std::optional(reply.version) : std::nullopt, now());
  }
  for (const auto& [key, noted] : l.keys) copy_.on_answered(cache, key, noted, now());
  if (l.all) copy_.on_answered_all(now());
}

// --- from change_link, under its lock

void local_copy_link::on_told(const change_feed::delivery& d) {
  const std::lock_guard lock(mutex_);
  if (d.mark != 0) return copy_.on_mark(d.cache, d.change.shard, d.mark);
  if (d.change.kind == change_kind::gap) return copy_.on_gap(d.cache, d.change.shard);
  copy_.on_change(d.change, d.cache, d.ttl, now());
}

void local_copy_link::on_confirmed(const change_feed& feed) {
  for (std::uint32_t s = 0; s < confirmed_.size(); ++s)
    confirmed_[s].store(feed.confirmed(s).time_since_epoch().count(), std::memory_order_release);
}

// --- repairs

void local_copy_link::on_pump() {
  if (closed_) return;
  std::vector<copy_request> requests;
  {
    const std::lock_guard lock(mutex_);
    requests = copy_.on_tick(now());
  }
  for (auto& r : requests) send(std::move(r));
}

void local_copy_link::send(copy_request r) {
  const auto source = with_.changes.source_of(r.shard);
  if (!source) return on_page(r, fail(errc::unavailable));
  r.session = source->number;
  if (source->owner == with_.host.my_pid()) {
    copy_reading reading(r);
    if (const auto done = read(r, reading); !done) return on_page(r, tl::unexpected<error>(done.error()));
    return on_page(r, reading.page());
  }
  const auto to = with_.resolve(source->owner);
  if (!to) return on_page(r, fail(errc::peer_lost));
  const auto namer = [this](cache_id cache) { return std::string_view(with_.caches.get(cache)->name); };
  with_.link->request(*to, link_request_kind::copies, encode_copy_request(r, namer), now() + local_copy::page_max,
                      [weak = weak_from_this(), r](const expected<std::string_view>& bytes) {
                        const auto self = weak.lock();
                        if (!self) return;
                        if (!bytes) return self->on_page(r, tl::unexpected<error>(bytes.error()));
                        self->on_page(r, decode_copy_page(*bytes));
                      });
}

void local_copy_link::on_page(const copy_request& of, const expected<copy_page>& page) {
  {
    const std::lock_guard lock(mutex_);
    if (closed_) return;
    copy_.on_page(of, page ? std::optional(*page) : std::nullopt, now());
  }
  with_.changes.want_pump();
}

// --- for others

expected<void> local_copy_link::read(const copy_request& asked, copy_reading& into) {
  if (asked.shard >= with_.host.shards()) return fail(errc::invalid_argument, "no such shard");
  for (bool more = true; more;) {
    bool serves = false;
    with_.host.with_shard(asked.shard, [&](held_shard& h) {
      serves = h.is_primary() && !h.stream().recovering() && with_.host.serves(now());
      if (!serves) return;
      more = into.step(h.store(), now());
      if (more || !into.ended()) return;
      const auto& stream = h.stream();
      const auto sequence = stream.committed() == stream.sequence() ? 0 : stream.sequence();
      with_.changes.mark(asked.session, asked.cache, asked.shard, asked.token, sequence);
    });
    if (!serves) return fail(errc::not_owner, "this node does not serve the shard now");
  }
  return {};
}

void local_copy_link::register_metrics(metrics& m) const {
  const auto read = [&](const char* name, const char* help, std::uint64_t local_copy::numbers::*number) {
    m.read_counter(name, help, {}, [this, number] {
      const std::lock_guard lock(mutex_);
      return static_cast<double>(copy_.count().*number);
    });
  };
  read("troupe_cache_local_hits_total", "Reads answered by copies at this node", &local_copy::numbers::hits);
  read("troupe_cache_local_repairs_total", "Repairs of shards' copies begun", &local_copy::numbers::repairs);
  read("troupe_cache_local_rows_total", "Entries that repairs brought", &local_copy::numbers::rows);
  read("troupe_cache_local_forgone_total", "Times that a shard did not fit", &local_copy::numbers::forgone);
  for (std::size_t c = 0; c < kept_.size(); ++c) {
    if (!kept_[c]) continue;
    const auto cache = static_cast<cache_id>(c);
    const auto& name = with_.caches.all()[c].name;
    m.read_gauge("troupe_cache_local_bytes", "Memory of the copies of the cache at this node", {{"cache", name}},
                 [this, cache] {
                   const std::lock_guard lock(mutex_);
                   return static_cast<double>(copy_.bytes(cache));
                 });
    m.read_gauge("troupe_cache_local_whole_shards", "Shards of the cache that are answered here", {{"cache", name}},
                 [this, cache] {
                   const std::lock_guard lock(mutex_);
                   return static_cast<double>(copy_.whole(cache));
                 });
  }
}

}  // namespace troupe
