#include "runtime/locks/lock_table.hpp"

#include <algorithm>
#include <array>
#include <set>

#include "troupe/wire/locks.pb.h"

namespace troupe {

namespace {

bool name_ok(std::string_view name) {
  return !name.empty() && name.size() <= lock_name_max && std::all_of(name.begin(), name.end(), [](char c) {
    const bool alphanumeric = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    return alphanumeric || c == '.' || c == '_' || c == '-' || c == ':';
  });
}

bool ttl_ok(duration ttl) { return ttl >= lock_ttl_min && ttl <= lock_ttl_max; }

std::string fault_of(const lock_table& table) {
  if (table.rows.size() > lock_rows_max || table.grants() > lock_grants_max) return "too many locks";
  if (table.last_token >= term_max) return "a token at its limit";
  std::set<std::uint64_t> tokens;
  for (const auto& [key, row] : table.rows) {
    if (!name_ok(key.name) || row.permits == 0 || row.permits > lock_permits_max) return "a lock's fields";
    if (key.kind != lock_kind::semaphore && row.permits != 1) return "a lock's permits";
    if (row.grants.empty() || row.grants.size() > row.permits) return "a lock's holders";
    for (const auto& g : row.grants) {
      const bool holder = !g.holder.name.empty() && g.holder.name.size() <= record_text_max && !g.holder.id.empty();
      if (!holder || !ttl_ok(g.ttl)) return "a holder's fields";
      if (g.token == 0 || g.token > table.last_token || !tokens.insert(g.token).second) return "a token out of order";
    }
  }
  return {};
}

}  // namespace

std::string_view name_of(lock_kind kind) noexcept {
  constexpr std::array<std::string_view, 3> names = {"lock", "semaphore", "role"};
  return names[static_cast<std::size_t>(kind)];
}

const lock_grant* lock_table::find(const lock_key& key, const member_ref& holder, claim_number claim) const {
  const auto row = rows.find(key);
  if (row == rows.end()) return nullptr;
  const auto& grants = row->second.grants;
  const auto found = std::find_if(grants.begin(), grants.end(),
                                  [&](const lock_grant& g) { return g.claim == claim && g.holder == holder; });
  return found == grants.end() ? nullptr : &*found;
}

std::size_t lock_table::grants() const {
  std::size_t count = 0;
  for (const auto& [key, row] : rows) count += row.grants.size();
  return count;
}

std::string fault_of(const lock_request& r) {
  if (!name_ok(r.name)) return "a name has 1 to 64 letters, digits, or . _ - :";
  const auto most = r.kind == lock_kind::semaphore ? lock_permits_max : 1U;
  if (r.permits == 0 || r.permits > most) return "permits are from 1 to " + std::to_string(most);
  if (!ttl_ok(r.ttl)) return "a ttl is from 1s to 10m";
  if (r.wait < duration::zero() || r.wait > lock_wait_max) return "a wait is at most 1h";
  return {};
}

std::string encode(const lock_table& table) {
  wire::LockTable out;
  out.set_last_token(table.last_token);
  for (const auto& [key, row] : table.rows) {
    auto& r = *out.add_rows();
    r.set_kind(static_cast<std::uint32_t>(key.kind));
    r.set_name(key.name);
    r.set_permits(row.permits);
    for (const auto& g : row.grants) {
      auto& grant = *r.add_grants();
      grant.set_token(g.token);
      grant.set_member(g.holder.name);
      grant.mutable_incarnation()->set_high(g.holder.id.high);
      grant.mutable_incarnation()->set_low(g.holder.id.low);
      grant.set_claim(g.claim);
      grant.set_ttl_ms(static_cast<std::uint64_t>(std::chrono::ceil<std::chrono::milliseconds>(g.ttl).count()));
    }
  }
  return out.SerializeAsString();
}

expected<lock_table> decode_lock_table(std::string_view bytes) {
  wire::LockTable in;
  if (bytes.size() > record_locks_bytes_max || !in.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return fail(errc::corrupt, "lock table: not decodable");
  }
  lock_table table;
  table.last_token = in.last_token();
  for (const auto& r : in.rows()) {
    if (r.kind() > static_cast<std::uint32_t>(lock_kind::role)) return fail(errc::corrupt, "lock table: a kind");
    lock_row row{r.permits(), {}};
    for (const auto& g : r.grants()) {
      if (g.ttl_ms() > 86'400'000) return fail(errc::corrupt, "lock table: a ttl");
      row.grants.push_back({g.token(),
                            {g.member(), {g.incarnation().high(), g.incarnation().low()}},
                            g.claim(),
                            std::chrono::milliseconds(g.ttl_ms())});
    }
    const bool first = table.rows.emplace(lock_key{static_cast<lock_kind>(r.kind()), r.name()}, std::move(row)).second;
    if (!first) return fail(errc::corrupt, "lock table: a lock named twice");
  }
  if (auto fault = fault_of(table); !fault.empty()) return fail(errc::corrupt, "lock table: " + fault);
  return table;
}

}  // namespace troupe
