// Bytes from strangers: closed, counted, and no harm to those who know the secret.
#include "runtime/link/chunks.hpp"
#include "runtime/link/wire_bytes.hpp"
#include "tests/link/link_node.hpp"

namespace troupe {
namespace {

using namespace testing;

const peer_identity stranger{"stranger", {9, 9}, "127.0.0.1:1"};

void expect_serves(link_node& node) {
  link_node friendly("friendly", 77);
  EXPECT_EQ(friendly.ask(node.target(), "still there"), "still there");
}

TEST(link_attack, closes_on_garbage_and_on_a_length_of_4_gib) {
  link_node a("a", 1);
  for (const auto& bytes :
       {std::string("GET / HTTP/1.1\r\n\r\n"), std::string("tr\x01\0\xff\xff\xff\xff", 8),
        std::string("tr\x10\0\x01\0\0\0x", 9), make_frame(frame_type::cluster, "let me in"),
        make_frame(frame_type::proof, ""), make_frame(frame_type::hello, std::string(4000, '\xff'))}) {
    raw_socket s(a.self.address);
    s.write(bytes);
    while (!s.closed_by_peer()) {
    }
  }
  EXPECT_TRUE(a.inbox.read().empty());
  EXPECT_TRUE(eventually([&] { return a.link->numbers().refused[1].load() == 6; }));
  expect_serves(a);
}

TEST(link_attack, is_not_disturbed_by_a_handshake_cut_at_any_byte) {
  link_node a("a", 1);
  link_node recorder("r", 2);
  raw_socket good(recorder.self.address);
  const auto sent = good.join(stranger);
  ASSERT_EQ(sent.size(), 3u);
  for (std::size_t size = 0; size < sent[0].size(); ++size) {
    raw_socket s(a.self.address);
    s.write(std::string_view(sent[0]).substr(0, size));
    s.close();
  }
  for (std::size_t size = 0; size < sent[1].size(); ++size) {
    raw_socket s(a.self.address);
    s.write(sent[0]);
    ASSERT_TRUE(s.read_frame().has_value());
    s.write(std::string_view(sent[1]).substr(0, size));
    s.close();
  }
  EXPECT_EQ(a.connections(), 0u);
  expect_serves(a);
}

TEST(link_attack, refuses_a_replayed_handshake) {
  link_node a("a", 1);
  std::vector<std::string> recorded;
  {
    raw_socket good(a.self.address);
    recorded = good.join(stranger);
    ASSERT_EQ(good.reason, link_refusal::none);
    ASSERT_EQ(recorded.size(), 3u);
  }
  ASSERT_TRUE(a.lost.wait([](const auto& all) { return all.size() == 1; }));
  raw_socket replay(a.self.address);
  replay.write(recorded[0]);
  ASSERT_TRUE(replay.read_frame().has_value());
  replay.write(recorded[1]);
  replay.write(recorded[2]);
  const auto answer = replay.read_frame();
  ASSERT_TRUE(answer.has_value());
  EXPECT_EQ(answer->first, frame_type::refused);
  EXPECT_TRUE(eventually([&] { return a.link->numbers().refused[4].load() == 1; }));
}

TEST(link_attack, bounds_half_open_connections) {
  link_node a("a", 1);
  std::vector<std::unique_ptr<raw_socket>> crowd;
  for (int i = 0; i < 1000; ++i) crowd.push_back(std::make_unique<raw_socket>(a.self.address));
  EXPECT_TRUE(
      eventually([&] { return a.link->numbers().evicted.load() == 1000 - test_settings().unauthenticated_max; }));
  expect_serves(a);
}

TEST(link_attack, closes_a_connection_that_does_not_finish_its_handshake) {
  auto settings = test_settings();
  settings.handshake_timeout = std::chrono::milliseconds(20);
  link_node a("a", 1, settings);
  raw_socket s(a.self.address);
  EXPECT_TRUE(s.closed_by_peer());
}

TEST(link_attack, closes_an_authenticated_peer_that_sends_nonsense) {
  std::string half_request;
  append_le(half_request, std::uint32_t{1});
  std::string endless_chunk;
  append_chunk_head(endless_chunk, {1, frame_type::request, ~std::uint64_t{0}, 0});
  endless_chunk += "x";
  for (const auto& bytes :
       {std::string("garbage!"), make_frame(frame_type::request, half_request), make_frame(frame_type::chunk, "short"),
        make_frame(frame_type::chunk, endless_chunk), make_frame(frame_type::hello, ""),
        make_frame(frame_type::actor_message, "there are no actors here"), make_frame(frame_type::reply, "123456789"),
        std::string("tr\x28\0\xff\xff\xff\xff", 8)}) {
    link_node a("a", 1);
    raw_socket s(a.self.address);
    s.join(stranger);
    ASSERT_EQ(s.reason, link_refusal::none);
    s.write(bytes);
    EXPECT_TRUE(s.closed_by_peer());
    EXPECT_TRUE(a.lost.wait([](const auto& all) { return all.size() == 1; }));
    EXPECT_EQ(a.link->numbers().garbage.load(), 1u);
  }
}

TEST(link_attack, knows_hmac_sha256) {
  // RFC 4231, test case 2.
  const auto mac = hmac_sha256("Jefe", "what do ya want for nothing?");
  std::string text;
  for (const char c : mac) {
    static constexpr char digits[] = "0123456789abcdef";
    text += digits[static_cast<unsigned char>(c) >> 4];
    text += digits[static_cast<unsigned char>(c) & 15];
  }
  EXPECT_EQ(text, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  EXPECT_NE(random_nonce(), random_nonce());
}

}  // namespace
}  // namespace troupe
