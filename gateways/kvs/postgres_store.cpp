#include "gateways/kvs/postgres_store.hpp"

#include <charconv>
#include <string_view>
#include <utility>

#include "gateways/db/libpq.hpp"
#include "runtime/election/store_entry.hpp"

namespace troupe {

namespace {

constexpr const char* table_statement =
    "create table if not exists troupe_leader (key text primary key, version text not null, term bigint not null, "
    "leader text not null, released boolean not null, lease_ms bigint not null, expires_at timestamptz not null, "
    "value bytea not null)";
// The value goes as hexadecimal text: libpq's text form of bytea. $1 is the key, $2 the new version.
constexpr const char* insert_statement =
    "insert into troupe_leader values ($1, $2, $3, $4, false, $5, clock_timestamp() + $5::bigint * interval '1 ms', "
    "decode($6, 'hex')) on conflict (key) do nothing";
constexpr const char* set_statement =
    "update troupe_leader set version = $2, term = $3, leader = $4, released = false, lease_ms = $5, "
    "expires_at = clock_timestamp() + $5::bigint * interval '1 ms', value = decode($6, 'hex') "
    "where key = $1 and version = $7";
constexpr const char* renew_statement =
    "update troupe_leader set version = $2, expires_at = clock_timestamp() + lease_ms * interval '1 ms' "
    "where key = $1 and version = $3";
constexpr const char* release_statement =
    "update troupe_leader set version = $2, released = true, expires_at = clock_timestamp() "
    "where key = $1 and version = $3";
constexpr const char* table_question = "select to_regclass('troupe_leader') is not null";
constexpr const char* durable_question =
    "select current_setting('fsync') = 'on' and current_setting('synchronous_commit') <> 'off'";
constexpr const char* copied_question =
    "select current_setting('synchronous_standby_names') <> '' and current_setting('synchronous_commit') <> 'local'";
constexpr const char* get_statement =
    "select version, released, encode(value, 'hex') from troupe_leader where key = $1";

// One statement, one transaction: who listens is told when the change counts, and only then. Its rows are the changed
// ones.
std::string telling(const char* change) {
  return std::string("with done as (") + change +
         " returning 1) select pg_notify('troupe_leader', $2::text || ' ' || $1::text) from done";
}

std::string to_hex(std::string_view bytes) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string text;
  text.reserve(bytes.size() * 2);
  for (const char c : bytes) {
    const auto b = static_cast<unsigned char>(c);
    text.push_back(digits[b >> 4U]);
    text.push_back(digits[b & 15U]);
  }
  return text;
}

std::string from_hex(std::string_view text) {
  std::string bytes;
  bytes.reserve(text.size() / 2);
  for (std::size_t i = 0; i + 1 < text.size(); i += 2) {
    unsigned value = 0;
    std::from_chars(text.data() + i, text.data() + i + 2, value, 16);
    bytes.push_back(static_cast<char>(value));
  }
  return bytes;
}

}  // namespace

postgres_store::postgres_store(std::string dsn, std::string password)
    : dsn_(dsn), password_(password), watcher_(std::move(dsn), std::move(password)) {}

postgres_store::~postgres_store() = default;

expected<void> postgres_store::connect(time_point deadline) {
  if (connection_.is_open()) return {};
  if (auto there = load_libpq(); !there) return there;
  return dial_.round<std::chrono::steady_clock>(deadline, [this](const std::string&, time_point share) {
    auto done = connection_.open(dsn_, password_, share);
    if (done) {
      ++connects_;
      done = prepare(share);
    }
    if (!done) connection_.close();
    return done;
  });
}

expected<void> postgres_store::prepare(time_point deadline) {
  auto there = connection_.holds(table_question, deadline);
  if (there && !*there) {
    const auto made = connection_.run(table_statement, {}, deadline);
    there = connection_.is_open() ? connection_.holds(table_question, deadline)
                                  : expected<bool>(false);  // another node may have been faster
    if (!made && !(there && *there)) return tl::unexpected(made.error());
  }
  if (!there) return tl::unexpected(there.error());
  const auto durable = connection_.holds(durable_question, deadline);
  if (!durable) return tl::unexpected(durable.error());
  const auto copied = connection_.several_hosts() ? connection_.holds(copied_question, deadline) : expected<bool>(true);
  if (!copied) return tl::unexpected(copied.error());
  may_forget_.clear();
  if (!*durable) may_forget_ = "postgres may forget: it needs fsync on and synchronous_commit on";
  if (!*copied) may_forget_ = "postgres may forget: several hosts need synchronous_standby_names";
  return {};
}

expected<leader_reading> postgres_store::get(const std::string& key, time_point deadline) {
  if (auto there = connect(deadline); !there) return tl::unexpected(std::move(there.error()));
  const auto answer = connection_.run(get_statement, {key}, deadline);
  if (!answer) return tl::unexpected(answer.error());
  leader_reading reading{std::nullopt, connects_};
  if (pq().PQntuples(answer->get()) == 0) return reading;
  const auto field = [&](int i) {
    return std::string_view(pq().PQgetvalue(answer->get(), 0, i),
                            static_cast<std::size_t>(pq().PQgetlength(answer->get(), 0, i)));
  };
  auto entry = decode_store_value(from_hex(field(2)));
  if (!entry) return tl::unexpected(std::move(entry.error()));
  const auto version = field(0);
  const auto read = std::from_chars(version.data(), version.data() + version.size(), entry->version);
  if (read.ec != std::errc{} || entry->version == 0)
    return fail(errc::corrupt, "postgres: no leader's entry: its version");
  entry->released = field(1) == "t";
  reading.entry = std::move(*entry);
  return reading;
}

expected<void> postgres_store::change(const char* statement, const std::vector<std::string>& values,
                                      time_point deadline) {
  if (auto there = connect(deadline); !there) return there;
  const auto answer = connection_.run(telling(statement).c_str(), values, deadline);
  if (!answer) return tl::unexpected(answer.error());
  if (std::string_view(pq().PQcmdTuples(answer->get())) == "1") return {};
  return fail(errc::condition_failed, "postgres: another version");
}

expected<void> postgres_store::compare_and_set(const std::string& key, std::uint64_t version, const leader_entry& next,
                                               time_point deadline) {
  const auto value = encode_store_value(next);
  if (!value) return tl::unexpected(value.error());
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(next.lease).count();
  std::vector<std::string> values{key,         std::to_string(next.version), std::to_string(next.term),
                                  next.leader, std::to_string(ms),           to_hex(*value)};
  if (version == 0) return change(insert_statement, values, deadline);
  values.push_back(std::to_string(version));
  return change(set_statement, values, deadline);
}

expected<void> postgres_store::renew(const std::string& key, std::uint64_t version, std::uint64_t next_version,
                                     time_point deadline) {
  return change(renew_statement, {key, std::to_string(next_version), std::to_string(version)}, deadline);
}

expected<void> postgres_store::release(const std::string& key, std::uint64_t version, std::uint64_t next_version,
                                       time_point deadline) {
  return change(release_statement, {key, std::to_string(next_version), std::to_string(version)}, deadline);
}

}  // namespace troupe
