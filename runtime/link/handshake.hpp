// The handshake of one connection, without a socket: who are you, do you know the secret, may you in.
//
//   dialler                           acceptor
//   hello(identity, nonce)      ->
//                               <-    challenge(identity, nonce, mac over both hellos)
//   (macs: one under each secret)
//   proof(mac over both hellos) ->                 state proven: the shell admits or refuses
//                               <-    welcome
//   ready                       ->                 state welcomed: the shell confirms or hangs up
//
// A mac is HMAC-SHA256(secret, role | both hellos): each end's nonce makes a recorded one worthless,
// the role keeps it from being played back. While secrets are changed, each end knows several: one that
// both know is enough, and the dialler proves itself under the first of the acceptor's that it knows. Either end may
// answer `refused` with a reason and a sentence instead. NOT promised: secrecy or integrity of what follows (that is
// TLS).
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/link/frame.hpp"
#include "runtime/link/peer_identity.hpp"

namespace troupe {

namespace wire {
class LinkChallenge;
}

inline constexpr std::uint32_t link_protocol_version = 1;
inline constexpr std::size_t link_nonce_size = 32;
inline constexpr std::size_t link_secrets_max = 8;

using link_nonce = std::array<char, link_nonce_size>;
using link_mac = std::array<char, 32>;
/// HMAC-SHA256; a parameter because the runtime knows no cryptographic library.
using hmac_function = link_mac (*)(std::string_view key, std::string_view text);

enum class link_refusal : std::uint8_t {
  none = 0,
  malformed = 1,          // bytes that are no handshake
  wrong_version = 2,      // of the link's protocol
  wrong_cluster = 3,      // another cluster's name
  wrong_secret = 4,       // the mac does not fit
  self = 5,               // it is this very node
  duplicate = 6,          // a connection between the two exists or is being made
  wrong_incarnation = 7,  // another incarnation than the one wanted
  not_admitted = 8,       // the node takes no joiners, or is leaving
  overloaded = 9,         // too many connections
};
inline constexpr std::size_t link_refusals = 10;

[[nodiscard]] std::string_view name_of(link_refusal reason) noexcept;

struct handshake_settings {
  peer_identity self;
  std::string cluster;
  std::vector<std::string> secrets;  // 1 to link_secrets_max, the preferred first; one empty: no secret
  std::uint32_t version = link_protocol_version;
};

class handshake {
 public:
  enum class stage : std::uint8_t { exchanging, proven, welcomed, established, refused };

  /// `wanted`: the incarnation the dialler means to reach; empty: whoever answers.
  [[nodiscard]] static handshake dial(const handshake_settings& s, const link_nonce& nonce, hmac_function hmac,
                                      const incarnation_id& wanted = {});
  [[nodiscard]] static handshake accept(const handshake_settings& s, const link_nonce& nonce, hmac_function hmac);

  /// The dialler's first frame.
  [[nodiscard]] std::string start();

  /// Takes a frame of the peer and returns the bytes to send back (may be empty). After it, look at at().
  [[nodiscard]] std::string on_frame(frame_type type, std::string_view payload);

  /// The acceptor's answer at stage proven: returns the welcome.
  [[nodiscard]] std::string admit();
  /// The dialler's answer at stage welcomed: returns the ready; now established.
  [[nodiscard]] std::string confirm();
  /// Ends it here, at any stage before established: returns the frame that tells the peer why.
  [[nodiscard]] std::string refuse(link_refusal reason, std::string words);

  [[nodiscard]] stage at() const noexcept { return stage_; }
  /// Known from the first frame on, trusted from proven (acceptor) or welcomed (dialler) on.
  [[nodiscard]] const peer_identity& peer() const noexcept { return peer_; }
  /// The acceptor's identity is proven as soon as the dialler has sent its proof.
  [[nodiscard]] bool peer_is_proven() const noexcept { return peer_is_proven_; }
  [[nodiscard]] link_refusal reason() const noexcept { return reason_; }
  [[nodiscard]] const std::string& words() const noexcept { return words_; }
  [[nodiscard]] bool refused_by_peer() const noexcept { return refused_by_peer_; }

 private:
  handshake(const handshake_settings& s, const link_nonce& nonce, hmac_function hmac, bool dialler,
            const incarnation_id& wanted);

  [[nodiscard]] std::string own_hello() const;
  [[nodiscard]] std::string on_hello(std::string_view payload);
  [[nodiscard]] std::string on_challenge(std::string_view payload);
  [[nodiscard]] std::string on_proof(std::string_view payload);
  void on_refused(std::string_view payload);
  /// Reads a hello into peer_; an empty string, or the frame that refuses it.
  [[nodiscard]] std::string greet(std::string_view hello);
  [[nodiscard]] const std::string* shared_secret(const wire::LinkChallenge& challenge) const;
  [[nodiscard]] link_mac mac(std::string_view secret, std::string_view role) const;

  handshake_settings settings_;
  link_nonce nonce_;
  hmac_function hmac_;
  incarnation_id wanted_;
  bool dialler_;
  stage stage_ = stage::exchanging;
  frame_type awaited_;
  peer_identity peer_;
  bool peer_is_proven_ = false;
  std::string dialler_hello_;  // the exact bytes, for the macs
  std::string acceptor_hello_;
  link_refusal reason_ = link_refusal::none;
  std::string words_;
  bool refused_by_peer_ = false;
};

}  // namespace troupe
