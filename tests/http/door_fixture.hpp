// An open HTTP door on a free port over a cache in memory, with clients that speak to it.
#pragma once

#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "gateways/http/door.hpp"
#include "tests/http/fake_cache.hpp"
#include "tests/http/raw_client.hpp"

namespace troupe {

class http_door_test : public testing::Test {
 protected:
  http_door_test() {
    settings.http.bind = "127.0.0.1:0";
    board.update([](cluster_view& v) {
      v.cluster = "troupe";
      v.node = "a";
      v.ready = true;
    });
  }

  ~http_door_test() override {
    if (door) door->close();
    io.stop();
  }

  void make() {
    door = std::make_unique<http_door>(door_context{settings, io, *log, numbers, events, board, caches,
                                                    [this] { ++leaves; }, nullptr,
                                                    [this](std::string name) {
                                                      if (takes_force_leave) forced.push_back(std::move(name));
                                                      return takes_force_leave.load();
                                                    }});
  }

  void open() {
    if (!door) make();
    const auto opened = door->open();
    ASSERT_TRUE(opened) << describe(opened.error());
    io.start();
  }

  [[nodiscard]] raw_client connect() const { return raw_client(door->address()); }

  raw_answer call(const std::string& method, const std::string& target, const std::string& body = {},
                  const std::string& fields = {}) {
    auto client = connect();
    return client.call(request(method, target, body, fields), method == "HEAD");
  }

  static std::string request(const std::string& method, const std::string& target, const std::string& body = {},
                             const std::string& fields = {}) {
    std::string text = method + " " + target + " HTTP/1.1\r\nHost: test\r\n" + fields;
    if (!body.empty()) text += "Content-Length: " + std::to_string(body.size()) + "\r\n";
    return text + "\r\n" + body;
  }

  /// The number in the line of the metrics that starts with `name`; -1 when there is none.
  [[nodiscard]] double number(const std::string& name) const {
    const std::string text = numbers.expose();
    const auto at = text.find("\n" + name + " ");
    return at == text.npos ? -1 : std::stod(text.substr(at + name.size() + 2));
  }

  [[nodiscard]] double refused(const std::string& reason) const {
    return number("troupe_http_refused_total{reason=\"" + reason + "\"}");
  }

  template <class Condition>
  static bool eventually(Condition holds) {
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (!holds()) {
      if (std::chrono::steady_clock::now() > until) return false;
      std::this_thread::yield();
    }
    return true;
  }

  config settings;
  io_pool io{2};
  std::shared_ptr<event_log> log = event_log::none();
  metrics numbers;
  event_hub events;
  cluster_board board;
  fake_cache caches;
  std::atomic<int> leaves{0};
  std::vector<std::string> forced;  // by one client at a time
  std::atomic<bool> takes_force_leave{true};
  std::unique_ptr<http_door> door;
};

}  // namespace troupe
