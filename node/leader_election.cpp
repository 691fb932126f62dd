// Election alone: the cluster port with its actor, a disk for the votes, and nothing that holds data or serves.
#include <troupe/leader_election.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <mutex>
#include <utility>

#include "actors/cache/host_contents.hpp"
#include "actors/cluster_board.hpp"
#include "actors/disk/data_directory.hpp"
#include "actors/disk/disk_writer.hpp"
#include "actors/event_hub.hpp"
#include "actors/io_pool.hpp"
#include "actors/metrics.hpp"
#include "actors/node_status.hpp"
#include "actors/supervision/actor_runtime.hpp"
#include "gateways/kvs/open_store.hpp"
#include "node/await.hpp"
#include "node/cluster_port.hpp"
#include "node/countdown.hpp"
#include "node/entropy.hpp"
#include "node/join_lines.hpp"
#include "node/module_parts.hpp"

namespace troupe {

namespace {

constexpr const char* module_name = "election";
constexpr std::array<std::string_view, 3> changes_of_lead{"leader_elected", "leader_lost", "stepped_down"};

config settings_of(const leader_election_options& o) {
  config c;
  c.node.name = o.name;
  c.node.data_dir = o.data_dir;
  c.node.tags = o.tags;
  c.node.io_threads = 1;
  c.cluster.name = o.cluster;
  c.cluster.bind = o.bind;
  c.cluster.advertise = o.advertise;
  c.cluster.seeds = o.seeds;
  c.cluster.expected_members = o.expected_members;
  c.cluster.secret_file = o.secret_file;
  c.cluster.insecure = o.insecure;
  c.gossip.profile = o.profile;
  c.election.lease = o.lease;
  c.election.priority = o.priority;
  c.election.take_over = o.take_over;
  c.kvs.type = o.store;
  c.kvs.addresses = o.store_addresses;
  c.kvs.dsn = o.store_dsn;
  c.kvs.password_file = o.store_password_file;
  c.cache.shards = 1;  // of which nobody ever has data
  set_log_level(c, o.log_level);
  return c;
}

expected<void> check_store(const leader_election_options& o) {
  const bool known = o.store != "builtin" && o.store != "local_standalone";
  if (known) return {};
  return fail(errc::bad_config, "store: is votes, redis, memcached, etcd or postgres, is " + o.store);
}

}  // namespace

class leader_election::runner {
 public:
  [[nodiscard]] static expected<std::unique_ptr<runner>> start(const leader_election_options& o);
  ~runner() { stop(); }

  expected<void> leave(duration limit);
  void stop();

  [[nodiscard]] cluster_calls& calls() noexcept { return cluster_.calls(); }
  [[nodiscard]] const cluster_board& board() const noexcept { return board_; }
  [[nodiscard]] event_hub& events() noexcept { return events_; }
  [[nodiscard]] const troupe::metrics& numbers() const noexcept { return numbers_; }
  [[nodiscard]] const std::string& name() const noexcept { return settings_.node.name; }
  [[nodiscard]] const std::string& address() const noexcept { return cluster_.advertised(); }
  [[nodiscard]] expected<fenced> token();
  [[nodiscard]] bool stopped() const noexcept { return stopped_; }

 private:
  runner(config c, std::shared_ptr<event_log> log, data_directory data);
  [[nodiscard]] expected<void> start_parts();

  const config settings_;
  const std::shared_ptr<event_log> log_;
  const data_directory data_;
  const entropy drawn_ = entropy::draw();
  event_hub events_;
  cluster_board board_;
  node_status status_;
  io_pool io_{1};
  troupe::metrics numbers_;
  disk_writer disk_;
  shard_host shards_;  // the machine wants one; it stays empty
  const cache_catalogue catalogue_{{}};
  host_contents contents_;
  std::shared_ptr<leader_store> store_;  // null: votes
  cluster_port cluster_;
  actor_runtime actors_;
  std::mutex stop_mutex_;
  std::atomic<bool> stopped_{false};
};

leader_election::runner::runner(config c, std::shared_ptr<event_log> log, data_directory data)
    : settings_(std::move(c)),
      log_(std::move(log)),
      data_(std::move(data)),
      status_(board_, events_, 0, settings_.cluster.expected_members),
      shards_({settings_.cache.shards, 0, eviction_policy::lru, drawn_.hash_seed, {}}),
      contents_(shards_, catalogue_),
      cluster_(settings_, io_, *log_, nullptr),
      actors_(settings_.node) {}

expected<std::unique_ptr<leader_election::runner>> leader_election::runner::start(const leader_election_options& o) {
  auto c = settings_of(o);
  if (o.own_store) c.kvs.type = "votes";  // for the check: nothing is dialled
  if (auto known = check_store(o); !known) return tl::unexpected(std::move(known.error()));
  if (auto sound = check_module(c, module_name); !sound) return tl::unexpected(std::move(sound.error()));
  c.cluster.name = module_cluster(module_name, o.cluster);
  if (o.own_store) c.kvs.type = "custom";
  auto log = open_module_log(c, o.log_level);
  if (!log) return tl::unexpected(std::move(log.error()));
  auto data = data_directory::open(c.node.data_dir);
  if (!data) return tl::unexpected(std::move(data.error()));
  expected<std::shared_ptr<leader_store>> store = o.own_store;
  if (!o.own_store) store = open_leader_store(c);
  if (!store) return tl::unexpected(std::move(store.error()));

  std::unique_ptr<runner> r(new runner(std::move(c), std::move(*log), std::move(*data)));
  r->store_ = std::move(*store);
  if (auto started = r->start_parts(); !started) {
    r->stop();
    return tl::unexpected(std::move(started.error()));
  }
  return r;
}

expected<void> leader_election::runner::start_parts() {
  status_.change_view([this](cluster_view& view) {
    view.cluster = settings_.cluster.name;
    view.node = settings_.node.name;
    view.id = drawn_.id;
  });
  if (auto opened = cluster_.open(data_.path(), drawn_.id); !opened) return opened;
  const auto on_expelled = [this] { events_.publish("leave_requested", {{"node", settings_.node.name}}); };
  auto child = cluster_.make_actor({data_.path(), disk_, shards_, contents_, status_, events_, board_, store_,
                                    [](const std::string&) {}, [] {}, on_expelled, drawn_.machine_seed});
  if (!child) return tl::unexpected(std::move(child.error()));
  io_.start();
  std::vector<child_spec> children;
  children.push_back(std::move(*child));
  actors_.start(std::move(children), *log_, events_, drawn_.supervisor_seed);
  cluster_.register_metrics(numbers_);
  cluster_.start();
  return {};
}

expected<fenced> leader_election::runner::token() {
  const auto& lease = cluster_.calls().lease();
  const auto term = lease->term();
  if (!term) return fail(errc::unavailable, "this member does not lead");
  return fenced(*term, drawn_.id, lease);
}

expected<void> leader_election::runner::leave(duration limit) {
  if (stopped_) return {};
  status_.change_conditions([](local_conditions& here) { here.leaving = true; });
  const auto departed = std::make_shared<countdown>(1);
  cluster_.leave([departed] { departed->arrive(); });
  const bool known = departed->wait(limit);
  stop();
  if (!known) return fail(errc::deadline_exceeded, "the departure did not reach the other members in time");
  return {};
}

void leader_election::runner::stop() {
  const std::lock_guard lock(stop_mutex_);
  if (stopped_.exchange(true)) return;
  shards_.close();
  if (!actors_.stop()) log_->error("election", "actors_left_behind");
  cluster_.close();
  disk_.stop();
  io_.stop();
  log_->flush();
}

expected<leader_election> leader_election::start(leader_election_options options) {
  auto r = runner::start(options);
  if (!r) return tl::unexpected(std::move(r.error()));
  return leader_election(std::move(*r));
}

leader_election::leader_election(std::unique_ptr<runner> r) : runner_(std::move(r)) {}
leader_election::leader_election(leader_election&&) noexcept = default;
leader_election& leader_election::operator=(leader_election&&) noexcept = default;
leader_election::~leader_election() = default;

const std::string& leader_election::name() const { return runner_->name(); }
const std::string& leader_election::address() const { return runner_->address(); }
std::optional<leader> leader_election::leader_now() const { return runner_->board().read()->leader_now; }
bool leader_election::leads() const { return runner_->token().has_value(); }
expected<fenced> leader_election::fencing_token() const { return runner_->token(); }
std::vector<member> leader_election::members() const { return runner_->board().read()->members; }

expected<void> leader_election::wait_for_leader(duration deadline) const {
  const auto& board = runner_->board();
  if (board.wait([](const cluster_view& v) { return v.ready; }, deadline)) return {};
  return fail(errc::deadline_exceeded, join_lines(board.read()->not_ready_reasons));
}

bool leader_election::wait_until(const std::function<bool(const cluster_view&)>& holds, duration deadline) const {
  return runner_->board().wait(holds, deadline);
}

void leader_election::on_event(event_callback f) {
  runner_->events().listen([f = std::move(f)](const std::shared_ptr<const event>& e) { f(*e); });
}

void leader_election::on_change(change_callback f) {
  runner_->events().listen([r = runner_.get(), f = std::move(f)](const std::shared_ptr<const event>& e) {
    if (std::find(changes_of_lead.begin(), changes_of_lead.end(), e->kind) == changes_of_lead.end()) return;
    f({r->board().read()->leader_now, r->token().has_value()});
  });
}

expected<std::string> leader_election::hand_over(std::string to) {
  if (runner_->stopped()) return fail(errc::unavailable, "this member has stopped");
  auto done = await<cluster_calls::handed_over>(
      [&](auto answer) { runner_->calls().transfer(std::move(to), std::move(answer)); });
  if (!done) return tl::unexpected(std::move(done.error()));
  return std::move(done->name);
}

expected<held_lock> leader_election::lock(lock_request request) {
  if (runner_->stopped()) return fail(errc::unavailable, "this member has stopped");
  const duration limit = std::clamp(request.wait, duration::zero(), lock_wait_max) + call_max;
  auto held = await<lock_calls::hold>(
      [&](auto done) { runner_->calls().locks().lock(std::move(request), std::move(done)); }, limit);
  if (!held) return tl::unexpected(std::move(held.error()));
  return held_lock(std::move(*held));
}

expected<void> leader_election::lead(std::string role, role_callback f, duration ttl) {
  if (runner_->stopped()) return fail(errc::unavailable, "this member has stopped");
  return await<void>(
      [&](auto done) { runner_->calls().locks().campaign(std::move(role), ttl, std::move(f), std::move(done)); });
}

expected<void> leader_election::resign_role(std::string role) {
  if (runner_->stopped()) return fail(errc::unavailable, "this member has stopped");
  return await<void>([&](auto done) { runner_->calls().locks().resign(std::move(role), std::move(done)); });
}

std::string leader_election::metrics() const { return runner_->numbers().expose(); }
expected<void> leader_election::leave(duration limit) { return runner_->leave(limit); }
void leader_election::stop() { runner_->stop(); }

}  // namespace troupe
