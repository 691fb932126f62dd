// Commands on all keys: of all shards of the cluster, through any node.
#include <algorithm>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "gateways/resp/command_table.hpp"
#include "gateways/resp/commands.hpp"
#include "gateways/resp/connection.hpp"
#include "gateways/resp/shard_walk.hpp"
#include "runtime/base/integer_text.hpp"
#include "runtime/cache/procedures/scan_cursor.hpp"
#include "runtime/cache/procedures/shards.hpp"

namespace troupe::resp {

namespace {

constexpr const char* syntax_error = "ERR syntax error";
constexpr const char* not_an_integer = "ERR value is not an integer or out of range";

class key_sum final : public shard_walk {
 public:
  using shard_walk::shard_walk;

 protected:
  procedure ask(std::uint32_t, std::string&) override { return procedure::shard_count; }
  bool take(std::uint32_t, std::string_view part, bool&) override {
    const auto n = read_shard_numbers(part, 1);
    if (n) sum_ += n->front();
    return n.has_value();
  }
  void write_result(reply_writer& w) override { w.integer(static_cast<std::int64_t>(sum_)); }

 private:
  std::uint64_t sum_ = 0;
};

// A place in each shard asked; a shard that has moved meanwhile is begun anew.
class clearing final : public shard_walk {
 public:
  clearing(std::vector<std::uint32_t> shards, std::size_t total) : shard_walk(std::move(shards)), places_(total) {}

 protected:
  procedure ask(std::uint32_t shard, std::string& words) override {
    words = pack_clear(places_[shard].tag, places_[shard].position);
    return procedure::shard_clear;
  }
  bool take(std::uint32_t shard, std::string_view part, bool& more) override {
    const auto n = read_shard_numbers(part, 3);
    if (!n) return false;
    places_[shard] = {(*n)[0], (*n)[1]};
    more = (*n)[1] != 0;
    return true;
  }
  void write_result(reply_writer& w) override { w.ok(); }

 private:
  struct place {
    std::uint64_t tag = scan_tag_any;  // of the process whose position it is
    std::uint64_t position = 0;
  };
  std::vector<place> places_;
};

// All keys of some shards that match; what a shard has shown is taken back when it begins anew elsewhere.
class key_list : public shard_walk {
 public:
  static constexpr std::uint64_t page_keys = 1000;

  key_list(std::vector<std::uint32_t> shards, std::size_t total, std::string pattern)
      : shard_walk(std::move(shards)), pattern_(std::move(pattern)), pages_(total) {}
  void only_slot(std::uint32_t slot) { slot_ = slot; }
  void at_most(std::size_t keys) { most_ = keys; }

 protected:
  procedure ask(std::uint32_t shard, std::string& words) override {
    const auto& p = pages_[shard];
    shard_scan_request r;
    r.tag = p.tag;
    r.position = p.position;
    r.count = page_keys;
    r.slot = slot_;
    r.pattern = pattern_;
    words = pack(r);
    return procedure::shard_scan;
  }
  bool take(std::uint32_t shard, std::string_view part, bool& more) override {
    const auto page = read_shard_page(part);
    if (!page) return false;
    auto& p = pages_[shard];
    if (p.tag != scan_tag_any && p.tag != page->tag) {
      count_ -= p.keys.size();
      p.keys.clear();
    }
    p.tag = page->tag;
    p.position = page->next;
    for (const auto key : page->keys) p.keys.emplace_back(key);
    count_ += page->keys.size();
    more = page->next != 0;
    return true;
  }
  bool enough() const override { return count_ >= most_; }
  void write_result(reply_writer& w) override {
    auto left = std::min(count_, most_);
    w.array(left);
    for (const auto& p : pages_) {
      for (const auto& key : p.keys) {
        if (left == 0) return;
        w.bulk(key);
        --left;
      }
    }
  }
  [[nodiscard]] std::size_t keys_found() const noexcept { return count_; }

 private:
  struct place {
    std::uint64_t tag = scan_tag_any;
    std::uint64_t position = 0;
    std::vector<std::string> keys;
  };
  const std::string pattern_;
  std::optional<std::uint32_t> slot_;
  std::size_t most_ = SIZE_MAX;
  std::size_t count_ = 0;
  std::vector<place> pages_;  // by shard
};

class slot_count final : public key_list {
 public:
  using key_list::key_list;

 protected:
  void write_result(reply_writer& w) override { w.integer(static_cast<std::int64_t>(keys_found())); }
};

// Shard by shard from a cursor on, until enough entries were looked at.
class scanning final : public shard_walk {
 public:
  static constexpr std::uint64_t shards_max = 64;  // of one call, should they be empty; or as many as COUNT asks for

  struct options {
    std::uint64_t count = 10;
    std::string pattern = "*";
    std::string type;
  };
  scanning(std::uint32_t total, std::vector<std::uint32_t> shards, const scan_cursor& from, options o)
      : shard_walk(rest(std::move(shards), std::min(from.shard, total))),
        total_(total),
        at_(from),
        options_(std::move(o)) {}

 protected:
  procedure ask(std::uint32_t shard, std::string& words) override {
    at_.shard = shard;
    shard_scan_request r;
    r.tag = at_.tag;
    r.position = at_.position;
    r.count = options_.count - std::min(options_.count - 1, looked_at_);
    r.pattern = options_.pattern;
    r.type = options_.type;
    words = pack(r);
    return procedure::shard_scan;
  }
  bool take(std::uint32_t shard, std::string_view part, bool& more) override {
    const auto page = read_shard_page(part);
    if (!page) return false;
    for (const auto key : page->keys) keys_.emplace_back(key);
    looked_at_ += page->looked_at;
    more = page->next != 0;
    at_ = more ? scan_cursor{shard, page->tag, page->next} : scan_cursor{shard + 1, 0, 0};
    if (!more) ++shards_done_;
    return true;
  }
  bool enough() const override {
    return looked_at_ >= options_.count || shards_done_ >= std::max(shards_max, options_.count);
  }
  std::size_t at_a_time() const override { return 1; }
  void write_result(reply_writer& w) override {
    w.array(2);
    w.bulk(std::to_string(at_.shard >= total_ ? 0 : at_.number()));
    w.array(keys_.size());
    for (const auto& key : keys_) w.bulk(key);
  }

 private:
  static std::vector<std::uint32_t> rest(std::vector<std::uint32_t> shards, std::uint32_t from) {
    shards.erase(shards.begin(), shards.begin() + from);
    return shards;
  }

  const std::uint32_t total_;
  scan_cursor at_;
  const options options_;
  std::uint64_t looked_at_ = 0;
  std::uint32_t shards_done_ = 0;
  std::vector<std::string> keys_;
};

std::uint64_t any_number() {
  thread_local std::mt19937_64 numbers{std::random_device{}()};
  return numbers();
}

// From some place of some shard on, around all of them: one first, and when that is empty, many at a time.
class random_key final : public shard_walk {
 public:
  random_key(std::vector<std::uint32_t> shards, std::size_t total) : shard_walk(turned(std::move(shards))) {
    positions_.resize(total);
    for (auto& p : positions_) p = any_number() & 0xffffffffu;
  }

 protected:
  procedure ask(std::uint32_t shard, std::string& words) override {
    shard_scan_request r;
    r.position = positions_[shard];
    r.count = 1;
    words = pack(r);
    return procedure::shard_scan;
  }
  bool take(std::uint32_t shard, std::string_view part, bool& more) override {
    const auto page = read_shard_page(part);
    if (!page) return false;
    empty_ = page->keys.empty();
    if (!key_ && !empty_) key_ = page->keys[any_number() % page->keys.size()];
    more = !key_ && positions_[shard] != 0;
    positions_[shard] = page->next;
    return true;
  }
  bool enough() const override { return key_.has_value(); }
  std::size_t at_a_time() const override { return empty_ ? open_max : 1; }
  void write_result(reply_writer& w) override { key_ ? w.bulk(*key_) : w.null(); }

 private:
  static std::vector<std::uint32_t> turned(std::vector<std::uint32_t> shards) {
    std::rotate(shards.begin(), shards.begin() + static_cast<std::ptrdiff_t>(any_number() % shards.size()),
                shards.end());
    return shards;
  }

  std::vector<std::uint64_t> positions_;
  bool empty_ = false;  // the shard that answered last
  std::optional<std::string> key_;
};

// None: an error was replied.
std::optional<scanning::options> read_scan_options(connection& c, const arguments& words) {
  scanning::options o;
  for (std::size_t i = 2; i < words.size(); i += 2) {
    const bool last = i + 1 == words.size();
    if (!last && same_word(words[i], "count")) {
      const auto count = read_integer_text(words[i + 1]);
      if (!count) return c.reply_error(not_an_integer), std::nullopt;
      if (*count < 1) return c.reply_error(syntax_error), std::nullopt;
      o.count = static_cast<std::uint64_t>(*count);
    } else if (!last && same_word(words[i], "match")) {
      o.pattern = words[i + 1];
    } else if (!last && same_word(words[i], "type")) {
      o.type = words[i + 1];
    } else {
      return c.reply_error(syntax_error), std::nullopt;
    }
  }
  return o;
}

std::optional<std::uint32_t> read_slot(connection& c, std::string_view word) {
  const auto slot = read_integer_text(word);
  if (!slot || *slot < 0 || *slot >= slots_total) return c.reply_error("ERR Invalid slot"), std::nullopt;
  return static_cast<std::uint32_t>(*slot);
}

template <class Walk>
std::unique_ptr<Walk> walk_of_slot(connection& c, std::uint32_t slot) {
  const auto shards = c.shared().caches.shards();
  auto walk = std::make_unique<Walk>(std::vector{shard_of(slot, static_cast<std::uint32_t>(shards))}, shards, "*");
  walk->only_slot(slot);
  return walk;
}

}  // namespace

void run_cluster_countkeysinslot(connection& c, const arguments& words) {
  if (const auto slot = read_slot(c, words[2])) shard_walk::run(c, walk_of_slot<slot_count>(c, *slot));
}

void run_cluster_getkeysinslot(connection& c, const arguments& words) {
  const auto slot = read_slot(c, words[2]);
  if (!slot) return;
  const auto count = read_integer_text(words[3]);
  if (!count || *count < 0) return c.reply_error("ERR Invalid number of keys");
  auto walk = walk_of_slot<key_list>(c, *slot);
  walk->at_most(static_cast<std::size_t>(*count));
  shard_walk::run(c, std::move(walk));
}

void run_dbsize(connection& c, const arguments&) {
  shard_walk::run(c, std::make_unique<key_sum>(all_shards(c.shared())));
}

// ASYNC is done as SYNC is: other connections get their turn meanwhile. What is written meanwhile may stay.
void run_flushall(connection& c, const arguments& words) {
  const bool sound =
      words.size() == 1 || (words.size() == 2 && (same_word(words[1], "async") || same_word(words[1], "sync")));
  if (!sound) return c.reply_error(syntax_error);
  shard_walk::run(c, std::make_unique<clearing>(all_shards(c.shared()), c.shared().caches.shards()));
}

void run_keys(connection& c, const arguments& words) {
  shard_walk::run(
      c, std::make_unique<key_list>(all_shards(c.shared()), c.shared().caches.shards(), std::string(words[1])));
}

void run_randomkey(connection& c, const arguments&) {
  shard_walk::run(c, std::make_unique<random_key>(all_shards(c.shared()), c.shared().caches.shards()));
}

void run_scan(connection& c, const arguments& words) {
  const auto cursor = parse_cursor(words[1]);
  if (!cursor) return c.reply_error("ERR invalid cursor");
  auto o = read_scan_options(c, words);
  if (!o) return;
  auto shards = all_shards(c.shared());
  const auto total = static_cast<std::uint32_t>(shards.size());
  shard_walk::run(c, std::make_unique<scanning>(total, std::move(shards), scan_cursor::of(*cursor), std::move(*o)));
}

}  // namespace troupe::resp
