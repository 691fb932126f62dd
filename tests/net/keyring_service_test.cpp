// The key ring of several nodes over real links: list, rotation, refusals, joiners.
#include <filesystem>

#include <gtest/gtest.h>

#include "actors/keyring/keyring_service.hpp"
#include "tests/link/link_node.hpp"

namespace troupe {
namespace {

using testing::eventually;
using testing::watched;
using outcome = keyring_member_result::outcome;

const std::string key_b = "QkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkI=";
const std::string key_c = "Q0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0M=";
std::string print_of(const std::string& key) { return fingerprint_of(*parse_ring_key(key)); }

struct ring_node {
  peer_identity self;
  std::string directory;
  std::shared_ptr<event_log> log = event_log::none();
  io_pool io{1};
  event_hub events;
  cluster_board board;
  disk_writer disk;
  std::shared_ptr<ring_keeper> keeper;
  std::shared_ptr<link_table> link;
  std::shared_ptr<keyring_service> service;

  ring_node(const std::string& name, std::uint64_t id, const std::string& secret = "s3cret")
      : self{name, {id, id}, {}} {
    std::string pattern = (std::filesystem::temp_directory_path() / "troupe-keyring-XXXXXX").string();
    EXPECT_NE(::mkdtemp(pattern.data()), nullptr);
    directory = pattern;
    keeper = *ring_keeper::open("test", secret, directory, *log);
    link_settings settings;
    settings.cluster = "test";
    settings.secrets = [k = keeper] { return k->link_secrets(); };
    link = std::make_shared<link_table>(io, *log, std::move(settings));
    EXPECT_TRUE(link->bind("127.0.0.1:0"));
    self.address = link->address();
    service = std::make_shared<keyring_service>(keyring_service::surroundings{keeper, link, board, disk, events, *log});
    service->start();
    link->start(self);
    io.start();
  }
  ~ring_node() {
    service->close();
    io.stop();
    disk.stop();
    service.reset();
    link.reset();
    std::filesystem::remove_all(directory);
  }

  [[nodiscard]] member as_member() const {
    member m;
    m.name = self.name;
    m.id = self.id;
    m.address = self.address;
    return m;
  }
  [[nodiscard]] expected<keyring_result> change(keyring_verb verb, const std::string& key) {
    watched<std::optional<expected<keyring_result>>> answer;
    service->change(verb, key, [&](expected<keyring_result> r) { answer.update([&](auto& a) { a = std::move(r); }); });
    EXPECT_TRUE(answer.wait([](const auto& a) { return a.has_value(); }));
    return *answer.read();
  }
  [[nodiscard]] keyring_list list() {
    watched<std::optional<keyring_list>> answer;
    service->list([&](keyring_list l) { answer.update([&](auto& a) { a = std::move(l); }); });
    EXPECT_TRUE(answer.wait([](const auto& a) { return a.has_value(); }));
    return *answer.read();
  }
  [[nodiscard]] std::vector<std::string> prints() const { return keeper->ring().fingerprints(); }
};

void introduce(const std::vector<ring_node*>& all) {
  for (auto* at : all) {
    at->board.update([&](cluster_view& v) {
      v.node = at->self.name;
      v.id = at->self.id;
      v.members.clear();
      for (const auto* other : all) v.members.push_back(other->as_member());
    });
  }
}

struct three : ::testing::Test {
  ring_node a{"a", 1}, b{"b", 2}, c{"c", 3};
  std::string first = a.prints().front();
  void SetUp() override { introduce({&a, &b, &c}); }
  void done_by_all(keyring_verb verb, const std::string& key) {
    const auto r = a.change(verb, key);
    ASSERT_TRUE(r);
    EXPECT_TRUE(r->complete());
    EXPECT_EQ(r->members.size(), 3u);
    for (const auto& m : r->members) EXPECT_EQ(m.result, outcome::done) << m.name << ": " << m.reason;
  }
};

using keyring_service_test = three;

TEST_F(keyring_service_test, rotates_the_keys_of_every_member) {
  done_by_all(keyring_verb::install, key_b);
  auto l = b.list();
  EXPECT_EQ(l.members, 3u);
  ASSERT_EQ(l.keys.size(), 2u);
  EXPECT_EQ(l.keys[0].fingerprint, first);
  EXPECT_EQ(l.keys[0].primary_of, 3u);
  EXPECT_EQ(l.keys[1].held_by, 3u);
  EXPECT_EQ(l.keys[1].primary_of, 0u);
  done_by_all(keyring_verb::use, key_b);
  done_by_all(keyring_verb::remove, first);
  for (const auto* node : {&a, &b, &c}) {
    EXPECT_EQ(node->prints(), std::vector{print_of(key_b)});
    EXPECT_EQ(node->keeper->ring().edition(), 3u);
    EXPECT_EQ(key_ring::decode(node->keeper->ring().encode())->fingerprints(), node->prints());
  }
  done_by_all(keyring_verb::remove, first);
}

TEST_F(keyring_service_test, cuts_no_link_while_keys_change_and_dials_under_the_new_key) {
  (void)a.list();
  done_by_all(keyring_verb::install, key_b);
  done_by_all(keyring_verb::use, key_b);
  done_by_all(keyring_verb::remove, first);
  EXPECT_EQ(a.link->numbers().peers_lost.load(), 0u);
  (void)b.list();  // b and c have not spoken yet: a new dial
  EXPECT_TRUE(b.list().not_reached.empty());
}

TEST_F(keyring_service_test, removes_no_primary) {
  const auto r = a.change(keyring_verb::remove, first);
  ASSERT_TRUE(r);
  for (const auto& m : r->members) EXPECT_EQ(m.result, outcome::refused);
  EXPECT_EQ(a.prints(), std::vector{first});
}

TEST_F(keyring_service_test, uses_a_key_nowhere_when_one_member_lacks_it) {
  introduce({&a, &b});
  ASSERT_TRUE(a.change(keyring_verb::install, key_b)->complete());
  introduce({&a, &b, &c});
  const auto r = a.change(keyring_verb::use, key_b);
  ASSERT_TRUE(r);
  EXPECT_FALSE(r->complete());
  for (const auto* node : {&a, &b, &c}) EXPECT_EQ(node->prints().front(), first) << node->self.name;
  done_by_all(keyring_verb::install, key_b);
  done_by_all(keyring_verb::use, key_b);
}

TEST_F(keyring_service_test, says_who_was_not_reached) {
  auto gone = c.as_member();
  gone.name = "gone";
  gone.id = {9, 9};
  gone.address = "127.0.0.1:1";
  a.board.update([&](cluster_view& v) { v.members.push_back(gone); });
  EXPECT_EQ(a.list().not_reached, std::vector<std::string>{"gone"});
  const auto r = a.change(keyring_verb::install, key_b);
  ASSERT_TRUE(r);
  EXPECT_FALSE(r->complete());
  EXPECT_EQ(r->members.size(), 4u);
  EXPECT_EQ(c.prints().size(), 2u) << "the others have it";
  EXPECT_FALSE(a.change(keyring_verb::use, key_b)->complete());
  EXPECT_EQ(a.prints().front(), first) << "with one out of reach nobody changes its primary";
}

TEST_F(keyring_service_test, refuses_what_is_no_key) {
  for (const auto verb : {keyring_verb::install, keyring_verb::use, keyring_verb::remove})
    EXPECT_EQ(a.change(verb, "nonsense").error().code, errc::invalid_argument);
  EXPECT_EQ(a.change(keyring_verb::install, first).error().code, errc::invalid_argument) << "a fingerprint is no key";
}

TEST_F(keyring_service_test, lets_a_joiner_with_the_old_secret_in_and_gives_it_the_ring) {
  done_by_all(keyring_verb::install, key_b);
  done_by_all(keyring_verb::use, key_b);
  ring_node d("d", 4);
  introduce({&a, &b, &c, &d});
  d.events.publish("joined");
  EXPECT_TRUE(eventually([&] { return d.prints() == a.prints(); }));
  EXPECT_EQ(d.keeper->ring().edition(), 2u);
}

TEST_F(keyring_service_test, keeps_a_stranger_out_and_gives_it_nothing) {
  ring_node stranger("stranger", 4, "another secret");
  introduce({&a, &b, &c, &stranger});
  EXPECT_EQ(stranger.list().not_reached.size(), 3u);
  EXPECT_EQ(a.list().not_reached, std::vector<std::string>{"stranger"});
  EXPECT_GT(a.link->numbers().refused[4].load() + a.link->numbers().refused_by_peer[4].load(), 0u) << "wrong_secret";
}

}  // namespace
}  // namespace troupe
