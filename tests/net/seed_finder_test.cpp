// Seeds from names, service records and a file, with a name server of the test's own.
#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

#include "actors/net/seed_finder.hpp"
#include "tests/link/link_node.hpp"
#include "tests/net/dns_server.hpp"

namespace troupe {
namespace {

using namespace std::chrono_literals;
using testing::dns_server;
using testing::watched;
using addresses = std::vector<std::string>;

class seed_finder_test : public ::testing::Test {
 protected:
  struct finding {
    addresses found;
    bool complete = false;
    std::size_t times = 0;
  };

  void SetUp() override {
    std::string pattern = (std::filesystem::temp_directory_path() / "troupe-seeds-XXXXXX").string();
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    directory_ = pattern;
    settings_.dns_server = dns_.address();
  }
  void TearDown() override {
    finder_.reset();
    std::filesystem::remove_all(directory_);
  }

  void write_file(const std::string& text) {
    settings_.seeds_file = directory_ + "/seeds";
    std::ofstream(settings_.seeds_file + ".new") << text;
    std::filesystem::rename(settings_.seeds_file + ".new", settings_.seeds_file);
  }

  void start() {
    auto made = seed_finder::make(settings_, *log_);
    ASSERT_TRUE(made) << made.error().context;
    finder_ = std::move(*made);
    finder_->start([this](addresses found, bool complete) {
      last_.update([&](finding& f) { f = {std::move(found), complete, f.times + 1}; });
    });
  }
  [[nodiscard]] bool finds(const addresses& wanted, bool complete = true) {
    return last_.wait([&](const finding& f) { return f.times > 0 && f.found == wanted && f.complete == complete; });
  }

  dns_server dns_;
  std::shared_ptr<event_log> log_ = event_log::none();
  cluster_config settings_;
  std::string directory_;
  watched<finding> last_;
  std::unique_ptr<seed_finder> finder_;
};

TEST_F(seed_finder_test, is_needed_only_for_what_must_be_looked_up) {
  cluster_config c;
  c.seeds = {"10.0.0.1:7070", "[::1]:7070"};
  EXPECT_FALSE(seed_finder::needed(c));
  for (const auto* seed : {"n1:7070", "srv:x", "_t._udp.x"}) {
    c.seeds = {seed};
    EXPECT_TRUE(seed_finder::needed(c)) << seed;
  }
  c.seeds.clear();
  c.seeds_file = "x";
  EXPECT_TRUE(seed_finder::needed(c));
}

TEST_F(seed_finder_test, resolves_every_address_of_a_name) {
  dns_.set_a("seeds.test", {"127.0.0.2", "127.0.0.1"});
  settings_.seeds = {"seeds.test:7070", "10.0.0.1:7071"};
  start();
  EXPECT_TRUE(finds({"10.0.0.1:7071", "127.0.0.1:7070", "127.0.0.2:7070"}));
}

TEST_F(seed_finder_test, takes_hosts_and_ports_from_service_records) {
  dns_.set_a("a.test", {"127.0.0.1"});
  dns_.set_a("b.test", {"127.0.0.2"});
  dns_.set_srv("_troupe._udp.test", {{"a.test", 7070}, {"b.test", 7071}, {"gone.test", 7072}});
  settings_.seeds = {"_troupe._udp.test"};
  start();
  EXPECT_TRUE(finds({"127.0.0.1:7070", "127.0.0.2:7071"}));
}

TEST_F(seed_finder_test, resolves_again_when_a_join_was_tried) {
  dns_.set_a("seeds.test", {"127.0.0.1"});
  settings_.seeds = {"srv:none.test", "seeds.test:7070"};
  start();
  ASSERT_TRUE(finds({"127.0.0.1:7070"}, false)) << "a source that has not answered leaves it incomplete";
  dns_.set_a("seeds.test", {"127.0.0.3"});
  dns_.set_srv("none.test", {{"seeds.test", 5}});
  finder_->wish();
  EXPECT_TRUE(finds({"127.0.0.3:5", "127.0.0.3:7070"}));
}

TEST_F(seed_finder_test, keeps_what_it_knew_when_the_name_server_falls_silent) {
  dns_.set_a("seeds.test", {"127.0.0.1"});
  settings_.seeds = {"seeds.test:7070"};
  start();
  ASSERT_TRUE(finds({"127.0.0.1:7070"}));
  const auto before = last_.read().times;
  dns_.set_silent(true);
  finder_->wish();
  ASSERT_TRUE(last_.wait([&](const finding& f) { return f.times > before; }));
  EXPECT_EQ(last_.read().found, addresses{"127.0.0.1:7070"});
}

TEST_F(seed_finder_test, stops_at_once_while_a_name_server_is_silent) {
  dns_.set_silent(true);
  settings_.seeds = {"seeds.test:7070", "more.test:7070"};
  start();
  const auto asked = std::chrono::steady_clock::now();
  finder_->stop();
  EXPECT_LT(std::chrono::steady_clock::now() - asked, 900ms);
}

TEST_F(seed_finder_test, reads_its_file_again_when_it_changes_and_survives_bad_lines) {
  write_file("# none yet\n10.0.0.1:7070\nnonsense\n");
  start();
  ASSERT_TRUE(finds({"10.0.0.1:7070"}));
  dns_.set_a("n2.test", {"127.0.0.2"});
  write_file("n2.test:7070\n");
  ASSERT_TRUE(finds({"127.0.0.2:7070"}));
  std::filesystem::remove(settings_.seeds_file);
  write_file("10.0.0.3:1\n");
  EXPECT_TRUE(finds({"10.0.0.3:1"}));
}

TEST_F(seed_finder_test, is_incomplete_as_long_as_its_file_is_missing) {
  settings_.seeds_file = directory_ + "/seeds";
  start();
  ASSERT_TRUE(finds({}, false));
  write_file("");
  EXPECT_TRUE(finds({}, true));
}

TEST_F(seed_finder_test, adds_what_was_heard_and_never_calls_multicast_complete) {
  settings_.multicast = "239.255.1.1:7071";
  start();
  ASSERT_TRUE(finds({}, false));
  finder_->hear("127.0.0.1:7070");
  EXPECT_TRUE(finds({"127.0.0.1:7070"}, false));
  for (int i = 0; i < 200; ++i) finder_->hear("10.0.0.1:" + std::to_string(i + 1));
  finder_->wish();
  EXPECT_TRUE(last_.wait([](const finding& f) { return f.found.size() == seed_finder::heard_max; }));
}

TEST_F(seed_finder_test, refuses_a_name_server_that_is_no_address) {
  settings_.dns_server = "not an address";
  const auto made = seed_finder::make(settings_, *log_);
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code, errc::bad_config);
}

}  // namespace
}  // namespace troupe
