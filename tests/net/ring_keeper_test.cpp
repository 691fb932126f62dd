// The key ring of a node on its disk.
#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "actors/disk/durable_file.hpp"
#include "actors/keyring/ring_keeper.hpp"
#include "tests/link/link_node.hpp"

namespace troupe {
namespace {

using testing::watched;

const std::string key_b = "QkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkI=";

class ring_keeper_test : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (std::filesystem::temp_directory_path() / "troupe-ring-XXXXXX").string();
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    directory_ = pattern;
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  expected<std::shared_ptr<ring_keeper>> open(const std::string& secret) {
    return ring_keeper::open("test", secret, directory_, *log_);
  }
  expected<void> change(ring_keeper& keeper, const std::function<expected<void>(key_ring&)>& alter) {
    watched<std::optional<expected<void>>> answer;
    keeper.change(alter, disk_, [&](expected<void> done) { answer.update([&](auto& a) { a = std::move(done); }); });
    EXPECT_TRUE(answer.wait([](const auto& a) { return a.has_value(); }));
    return *answer.read();
  }
  [[nodiscard]] std::string file() const { return directory_ + "/keyring"; }

  std::string directory_;
  std::shared_ptr<event_log> log_ = event_log::none();
  disk_writer disk_;
};

TEST_F(ring_keeper_test, makes_its_ring_from_the_secret_and_keeps_it_for_itself) {
  const auto keeper = open("s3cret");
  ASSERT_TRUE(keeper);
  EXPECT_EQ((*keeper)->ring().keys(), std::vector{ring_key_of_secret("s3cret", "test")});
  EXPECT_EQ((*keeper)->link_secrets().size(), 1u);
  struct stat facts {};
  ASSERT_EQ(::stat(file().c_str(), &facts), 0);
  EXPECT_EQ(facts.st_mode & 0777, 0600u);
}

TEST_F(ring_keeper_test, keeps_its_ring_over_a_restart) {
  {
    const auto keeper = *open("s3cret");
    ASSERT_TRUE(change(*keeper, [](key_ring& r) { return r.install(*parse_ring_key(key_b)); }));
    ASSERT_TRUE(change(*keeper, [](key_ring& r) { return r.use(fingerprint_of(*parse_ring_key(key_b))); }));
    ASSERT_TRUE(change(*keeper, [](key_ring& r) { return r.remove(r.fingerprints()[1]); }));
    EXPECT_EQ(keeper->link_secrets().size(), 1u);
  }
  const auto again = *open("s3cret");
  EXPECT_EQ(again->ring().keys(), std::vector{*parse_ring_key(key_b)}) << "the secret file has not changed since";
}

TEST_F(ring_keeper_test, begins_anew_when_the_secret_file_was_changed_to_one_that_the_ring_does_not_hold) {
  { ASSERT_TRUE(open("wrong")); }
  const auto corrected = *open("right");
  EXPECT_EQ(corrected->ring().keys(), std::vector{ring_key_of_secret("right", "test")});
}

TEST_F(ring_keeper_test, takes_a_key_of_the_ring_as_secret_without_a_new_ring) {
  {
    ASSERT_TRUE(change(**open("s3cret"), [](key_ring& r) { return r.install(*parse_ring_key(key_b)); }));
  }
  EXPECT_EQ((*open(key_b))->ring().keys().size(), 2u);
}

TEST_F(ring_keeper_test, refuses_a_damaged_file) {
  { ASSERT_TRUE(open("s3cret")); }
  auto text = *read_whole(file(), 4096);
  text[text.size() - 5] = text[text.size() - 5] == 'A' ? 'B' : 'A';
  std::ofstream(file(), std::ios::binary) << text;
  const auto keeper = open("s3cret");
  ASSERT_FALSE(keeper);
  EXPECT_EQ(keeper.error().code, errc::corrupt);
  EXPECT_NE(keeper.error().context.find(file()), std::string::npos);
}

TEST_F(ring_keeper_test, uses_nothing_that_could_not_be_written) {
  const auto keeper = *open("s3cret");
  std::filesystem::remove_all(directory_);
  const auto done = change(*keeper, [](key_ring& r) { return r.install(*parse_ring_key(key_b)); });
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, errc::storage_failed);
  EXPECT_EQ(keeper->ring().keys().size(), 1u);
}

}  // namespace
}  // namespace troupe
