// The C client of Redis at a node of three, on keys that it owns and on others.
#include <troupe/local_cluster.hpp>

#include <chrono>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <hiredis/hiredis.h>

namespace troupe {
namespace {

constexpr timeval patience{20, 0};

struct reply_freer {
  void operator()(redisReply* r) const noexcept { freeReplyObject(r); }
};
using reply = std::unique_ptr<redisReply, reply_freer>;

/// "v", 5, nil, [..], or the error.
std::string text_of(const redisReply* r) {
  if (r == nullptr) return "no reply";
  switch (r->type) {
    case REDIS_REPLY_INTEGER: return std::to_string(r->integer);
    case REDIS_REPLY_NIL: return "nil";
    case REDIS_REPLY_ARRAY: {
      std::string all = "[";
      for (std::size_t i = 0; i < r->elements; ++i) all += (i == 0 ? "" : " ") + text_of(r->element[i]);
      return all + "]";
    }
    default: return {r->str, static_cast<std::size_t>(r->len)};
  }
}

class hiredis_client {
 public:
  explicit hiredis_client(const std::string& address) {
    const auto colon = address.rfind(':');
    context_.reset(
        redisConnectWithTimeout(address.substr(0, colon).c_str(), std::stoi(address.substr(colon + 1)), patience));
    if (context_ != nullptr && context_->err == 0) (void)redisSetTimeout(context_.get(), patience);
  }
  std::string ask(const std::vector<std::string>& words) {
    append(words);
    return next();
  }
  void append(const std::vector<std::string>& words) {
    std::vector<const char*> all;
    std::vector<std::size_t> sizes;
    for (const auto& w : words) {
      all.push_back(w.data());
      sizes.push_back(w.size());
    }
    ASSERT_EQ(redisAppendCommandArgv(context_.get(), static_cast<int>(all.size()), all.data(), sizes.data()), REDIS_OK);
  }
  reply take() {
    void* r = nullptr;
    if (redisGetReply(context_.get(), &r) != REDIS_OK) return nullptr;
    return reply(static_cast<redisReply*>(r));
  }
  std::string next() { return text_of(take().get()); }

 private:
  struct context_freer {
    void operator()(redisContext* c) const noexcept { redisFree(c); }
  };
  std::unique_ptr<redisContext, context_freer> context_;
};

struct hiredis : ::testing::Test {
  void SetUp() override {
    local_cluster_options options;
    options.services = {"resp", "cache"};
    auto started = local_cluster::start(std::move(options));
    ASSERT_TRUE(started) << describe(started.error());
    cluster.emplace(std::move(*started));
  }
  hiredis_client at(std::size_t node) { return hiredis_client(cluster->at(node).addresses().resp); }
  static std::vector<std::string> keys() {
    std::vector<std::string> all;
    for (int i = 0; i < 12; ++i) all.push_back("{h" + std::to_string(i) + "}");
    return all;
  }
  std::optional<local_cluster> cluster;
};

TEST_F(hiredis, strings_pipelines_and_transactions) {
  auto c = at(0);
  for (const auto& k : keys()) {
    const std::string bytes("a\0\r\n\xff", 5);
    EXPECT_EQ(c.ask({"SET", k, bytes}), "OK");
    EXPECT_EQ(c.ask({"GET", k}), bytes);
    for (int i = 0; i < 100; ++i) c.append({"INCR", k + "n"});
    for (int i = 1; i <= 100; ++i) EXPECT_EQ(c.next(), std::to_string(i));
    c.append({"MULTI"}), c.append({"INCRBY", k + "n", "5"}), c.append({"GET", k + "n"}), c.append({"EXEC"});
    EXPECT_EQ(c.next(), "OK");
    EXPECT_EQ(c.next(), "QUEUED");
    EXPECT_EQ(c.next(), "QUEUED");
    EXPECT_EQ(c.next(), "[105 105]");
    EXPECT_EQ(c.ask({"LPUSH", k, "x"}), "WRONGTYPE Operation against a key holding the wrong kind of value");
  }
}

TEST_F(hiredis, scan_meets_every_key) {
  auto c = at(1);
  for (int i = 0; i < 300; ++i) c.append({"SET", "k" + std::to_string(i), "v"});
  for (int i = 0; i < 300; ++i) EXPECT_EQ(c.next(), "OK");
  std::set<std::string> seen;
  std::string cursor = "0";
  do {
    c.append({"SCAN", cursor, "COUNT", "50"});
    const auto page = c.take();
    ASSERT_TRUE(page && page->elements == 2);
    cursor = text_of(page->element[0]);
    for (std::size_t i = 0; i < page->element[1]->elements; ++i) seen.insert(text_of(page->element[1]->element[i]));
  } while (cursor != "0");
  EXPECT_EQ(seen.size(), 300U);
}

TEST_F(hiredis, messages_come_from_any_node) {
  auto listens = at(0);
  EXPECT_EQ(listens.ask({"SUBSCRIBE", "news"}), "[subscribe news 1]");
  auto says = at(2);
  // Nodes tell each other who listens; it takes them a moment.
  const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (says.ask({"PUBSUB", "NUMSUB", "news"}) != "[news 1]" && std::chrono::steady_clock::now() < limit) {
  }
  EXPECT_EQ(says.ask({"PUBLISH", "news", "hello"}), "1");
  EXPECT_EQ(listens.next(), "[message news hello]");
}

TEST_F(hiredis, a_blocking_pop_gets_what_another_node_pushes) {
  auto waits = at(0);
  auto pushes = at(1);
  auto looks = at(0);
  for (const auto& k : keys()) {
    EXPECT_EQ(waits.ask({"BLPOP", k, "0.01"}), "nil");
    std::thread pusher([&] {
      const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(10);
      const auto waiting = [&] {
        return looks.ask({"INFO", "clients"}).find("blocked_clients:1") != std::string::npos;
      };
      while (!waiting() && std::chrono::steady_clock::now() < limit) {
      }
      EXPECT_EQ(pushes.ask({"RPUSH", k, "x"}), "1");
    });
    EXPECT_EQ(waits.ask({"BLPOP", k + "none", k, "0"}), "[" + k + " x]");
    pusher.join();
  }
}

}  // namespace
}  // namespace troupe
