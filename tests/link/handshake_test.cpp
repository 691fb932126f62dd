#include "runtime/link/handshake.hpp"

#include <algorithm>
#include <cstring>
#include <deque>
#include <functional>

#include <gtest/gtest.h>

#include "runtime/base/random.hpp"

namespace troupe {
namespace {

using stage = handshake::stage;

// Not cryptography: any function of key and text that differs when they do. The real one is tested
// with the sockets.
link_mac toy_mac(std::string_view key, std::string_view text) {
  random state(0);
  std::uint64_t mixed = 1469598103934665603ULL;
  for (const auto part : {key, std::string_view("|"), text}) {
    for (const char c : part) mixed = (mixed ^ static_cast<unsigned char>(c)) * 1099511628211ULL;
  }
  random rng(mixed);
  link_mac mac{};
  for (auto& byte : mac) byte = static_cast<char>(rng.next());
  return mac;
}

link_nonce nonce(char fill) {
  link_nonce n;
  n.fill(fill);
  return n;
}

handshake_settings settings(const std::string& name, std::uint64_t id) {
  return {.self = {name, {id, id}, name + ":7070"}, .cluster = "test", .secrets = {"s3cret"}};
}

struct pair {
  handshake dialler;
  handshake acceptor;
  std::deque<std::string> sent;  // every frame of the exchange, in order

  explicit pair(const handshake_settings& d = settings("a", 1), const handshake_settings& a = settings("b", 2),
                const incarnation_id& wanted = {})
      : dialler(handshake::dial(d, nonce('d'), toy_mac, wanted)), acceptor(handshake::accept(a, nonce('a'), toy_mac)) {}

  // Hands over one frame and returns the answer.
  static std::string give(handshake& to, std::string_view bytes) {
    if (bytes.empty()) return {};
    const auto header =
        decode_header(std::span<const char, frame_header_size>(bytes.data(), frame_header_size), handshake_frame_max);
    EXPECT_TRUE(header.has_value());
    return to.on_frame(header->type, bytes.substr(frame_header_size));
  }

  void run_until_decision() {
    auto bytes = dialler.start();
    bool to_acceptor = true;
    while (!bytes.empty()) {
      sent.push_back(bytes);
      bytes = give(to_acceptor ? acceptor : dialler, bytes);
      to_acceptor = !to_acceptor;
    }
  }

  void run() {
    run_until_decision();
    if (acceptor.at() != stage::proven) return;
    sent.push_back(acceptor.admit());
    EXPECT_EQ(give(dialler, sent.back()), "");
    ASSERT_EQ(dialler.at(), stage::welcomed);
    sent.push_back(dialler.confirm());
    EXPECT_EQ(give(acceptor, sent.back()), "");
  }
};

TEST(handshake, makes_two_nodes_known_to_each_other) {
  pair p;
  p.run();
  EXPECT_EQ(p.dialler.at(), stage::established);
  EXPECT_EQ(p.acceptor.at(), stage::established);
  EXPECT_EQ(p.dialler.peer(), settings("b", 2).self);
  EXPECT_EQ(p.acceptor.peer(), settings("a", 1).self);
  EXPECT_TRUE(p.dialler.peer_is_proven());
  EXPECT_TRUE(p.acceptor.peer_is_proven());
}

void expect_refused(pair& p, link_refusal reason, const std::string& word) {
  p.run();
  for (const auto* end : {&p.dialler, &p.acceptor}) {
    EXPECT_EQ(end->at(), stage::refused);
    EXPECT_EQ(end->reason(), reason) << name_of(end->reason());
    EXPECT_NE(end->words().find(word), std::string::npos) << end->words();
  }
  EXPECT_NE(p.dialler.refused_by_peer(), p.acceptor.refused_by_peer());
}

TEST(handshake, tells_both_ends_of_a_wrong_secret) {
  auto other = settings("b", 2);
  other.secrets = {"guess"};
  pair p(settings("a", 1), other);
  expect_refused(p, link_refusal::wrong_secret, "secret");
  EXPECT_FALSE(p.acceptor.peer_is_proven());
}

TEST(handshake, needs_one_secret_that_both_know_while_secrets_are_changed) {
  const std::vector<std::vector<std::string>> rings{{"old"}, {"old", "new"}, {"new", "old"}, {"new"}};
  for (const auto& d : rings) {
    for (const auto& a : rings) {
      auto dialler = settings("a", 1);
      auto acceptor = settings("b", 2);
      dialler.secrets = d;
      acceptor.secrets = a;
      pair p(dialler, acceptor);
      p.run();
      const bool shared =
          std::any_of(d.begin(), d.end(), [&a](const auto& s) { return std::count(a.begin(), a.end(), s); });
      EXPECT_EQ(p.dialler.at() == stage::established, shared) << d.front() << " and " << a.front();
      EXPECT_EQ(p.acceptor.at() == stage::established, shared);
      if (!shared) {
        EXPECT_EQ(p.dialler.reason(), link_refusal::wrong_secret);
      }
    }
  }
}

TEST(handshake, refuses_a_challenge_with_more_macs_than_a_ring_has_keys) {
  auto acceptor = settings("b", 2);
  acceptor.secrets.assign(link_secrets_max + 1, "s3cret");
  pair p(settings("a", 1), acceptor);
  expect_refused(p, link_refusal::malformed, "too many");
}

TEST(handshake, tells_both_ends_of_a_wrong_cluster) {
  auto other = settings("b", 2);
  other.cluster = "elsewhere";
  pair p(settings("a", 1), other);
  expect_refused(p, link_refusal::wrong_cluster, "elsewhere");
}

TEST(handshake, tells_both_ends_of_a_wrong_version) {
  auto other = settings("a", 1);
  other.version = 9;
  pair p(other);
  expect_refused(p, link_refusal::wrong_version, "version 9");
}

TEST(handshake, refuses_its_own_incarnation) {
  pair p(settings("a", 1), settings("a", 1));
  expect_refused(p, link_refusal::self, "this very node");
}

TEST(handshake, refuses_another_incarnation_than_the_wanted_one) {
  pair p(settings("a", 1), settings("b", 2), {7, 7});
  expect_refused(p, link_refusal::wrong_incarnation, "incarnation");
}

TEST(handshake, lets_the_shell_refuse_at_its_decision) {
  pair p;
  p.run_until_decision();
  ASSERT_EQ(p.acceptor.at(), stage::proven);
  EXPECT_EQ(pair::give(p.dialler, p.acceptor.refuse(link_refusal::duplicate, "there is one")), "");
  EXPECT_EQ(p.dialler.reason(), link_refusal::duplicate);
  EXPECT_EQ(p.dialler.words(), "there is one");
  EXPECT_TRUE(p.dialler.refused_by_peer());
}

TEST(handshake, refuses_a_replayed_dialler) {
  pair recorded;
  recorded.run();
  ASSERT_EQ(recorded.sent.size(), 5u);
  auto acceptor = handshake::accept(settings("b", 2), nonce('n'), toy_mac);
  EXPECT_FALSE(pair::give(acceptor, recorded.sent[0]).empty());
  (void)pair::give(acceptor, recorded.sent[2]);
  EXPECT_EQ(acceptor.at(), stage::refused);
  EXPECT_EQ(acceptor.reason(), link_refusal::wrong_secret);
}

TEST(handshake, refuses_a_replayed_acceptor) {
  pair recorded;
  recorded.run();
  auto dialler = handshake::dial(settings("a", 1), nonce('n'), toy_mac);
  (void)dialler.start();
  (void)pair::give(dialler, recorded.sent[1]);
  EXPECT_EQ(dialler.reason(), link_refusal::wrong_secret);
  EXPECT_FALSE(dialler.peer_is_proven());
}

TEST(handshake, does_not_take_its_own_mac_back) {
  pair recorded;
  recorded.run_until_decision();
  // The acceptor's challenge, reflected as the dialler's proof: the role differs.
  auto acceptor = handshake::accept(settings("b", 2), nonce('a'), toy_mac);
  const auto challenge = pair::give(acceptor, recorded.sent[0]);
  (void)acceptor.on_frame(frame_type::proof, std::string_view(challenge).substr(frame_header_size));
  EXPECT_EQ(acceptor.at(), stage::refused);
}

TEST(handshake, refuses_frames_out_of_turn) {
  for (const auto type : {frame_type::proof, frame_type::welcome, frame_type::ready, frame_type::cluster,
                          frame_type::challenge, frame_type::request}) {
    auto acceptor = handshake::accept(settings("b", 2), nonce('a'), toy_mac);
    EXPECT_FALSE(acceptor.on_frame(type, {}).empty());
    EXPECT_EQ(acceptor.reason(), link_refusal::malformed);
  }
  auto dialler = handshake::dial(settings("a", 1), nonce('d'), toy_mac);
  (void)dialler.on_frame(frame_type::welcome, {});
  EXPECT_EQ(dialler.at(), stage::refused) << "a welcome before the challenge proves nothing";
}

TEST(handshake, never_establishes_from_a_truncated_or_damaged_frame) {
  pair good;
  good.run();
  random rng(3);
  for (std::size_t which = 0; which < 3; ++which) {
    const auto payload = std::string_view(good.sent[which]).substr(frame_header_size);
    const auto type = std::array{frame_type::hello, frame_type::challenge, frame_type::proof}[which];
    const auto attempt = [&](const std::string& bytes) {
      auto machine = which == 1 ? handshake::dial(settings("a", 1), nonce('d'), toy_mac)
                                : handshake::accept(settings("b", 2), nonce('a'), toy_mac);
      if (which == 2) (void)pair::give(machine, good.sent[0]);
      (void)machine.on_frame(type, bytes);
      if (which == 0)  // a shorter hello may be read, but then the proof does not fit it
        (void)machine.on_frame(frame_type::proof, std::string_view(good.sent[2]).substr(frame_header_size));
      EXPECT_EQ(machine.at(), stage::refused) << which << " size " << bytes.size();
    };
    for (std::size_t size = 0; size < payload.size(); ++size) attempt(std::string(payload.substr(0, size)));
    for (int round = 0; round < 300; ++round) {
      std::string damaged(payload);
      auto& byte = damaged[rng.below(damaged.size())];
      byte = static_cast<char>(byte ^ static_cast<char>(1 + rng.below(255)));
      attempt(damaged);
    }
  }
}

TEST(handshake, survives_garbage_from_a_refusal) {
  random rng(5);
  for (int round = 0; round < 1000; ++round) {
    auto dialler = handshake::dial(settings("a", 1), nonce('d'), toy_mac);
    std::string bytes(rng.below(64), '\0');
    for (auto& byte : bytes) byte = static_cast<char>(rng.next());
    EXPECT_EQ(dialler.on_frame(frame_type::refused, bytes), "");
    EXPECT_EQ(dialler.at(), stage::refused);
    EXPECT_NE(dialler.reason(), link_refusal::none);
  }
}

}  // namespace
}  // namespace troupe
