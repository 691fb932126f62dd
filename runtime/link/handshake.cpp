#include "runtime/link/handshake.hpp"

#include <algorithm>

#include <troupe/wire/link.pb.h>

#include "runtime/base/check.hpp"
#include "runtime/link/wire_bytes.hpp"

namespace troupe {

namespace {

constexpr std::size_t name_max = 255;
constexpr std::size_t words_max = 512;
constexpr std::string_view acceptor_role = "troupe link acceptor";
constexpr std::string_view dialler_role = "troupe link dialler";

// Takes the same time whatever the difference, so that a guess learns nothing.
bool same_mac(const link_mac& ours, std::string_view theirs) noexcept {
  if (theirs.size() != ours.size()) return false;
  unsigned difference = 0;
  for (std::size_t i = 0; i < ours.size(); ++i)
    difference |= static_cast<unsigned char>(ours[i]) ^ static_cast<unsigned char>(theirs[i]);
  return difference == 0;
}

bool parse(google::protobuf::MessageLite& message, std::string_view bytes) {
  return message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()));
}

bool is_control(char c) noexcept { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }

bool sound(const peer_identity& peer) noexcept {
  if (std::any_of(peer.name.begin(), peer.name.end(), is_control)) return false;
  if (std::any_of(peer.address.begin(), peer.address.end(), is_control)) return false;
  return !peer.name.empty() && peer.name.size() <= name_max && !peer.address.empty() &&
         peer.address.size() <= name_max && !peer.id.empty();
}

}  // namespace

std::string_view name_of(link_refusal reason) noexcept {
  static constexpr std::array<std::string_view, link_refusals> names{
      "none", "malformed", "wrong_version",     "wrong_cluster", "wrong_secret",
      "self", "duplicate", "wrong_incarnation", "not_admitted",  "overloaded"};
  const auto index = static_cast<std::size_t>(reason);
  return index < names.size() ? names[index] : names[1];
}

handshake::handshake(const handshake_settings& s, const link_nonce& nonce, hmac_function hmac, bool dialler,
                     const incarnation_id& wanted)
    : settings_(s),
      nonce_(nonce),
      hmac_(hmac),
      wanted_(wanted),
      dialler_(dialler),
      awaited_(dialler ? frame_type::challenge : frame_type::hello) {
  (dialler ? dialler_hello_ : acceptor_hello_) = own_hello();
}

handshake handshake::dial(const handshake_settings& s, const link_nonce& nonce, hmac_function hmac,
                          const incarnation_id& wanted) {
  return handshake(s, nonce, hmac, true, wanted);
}

handshake handshake::accept(const handshake_settings& s, const link_nonce& nonce, hmac_function hmac) {
  return handshake(s, nonce, hmac, false, {});
}

std::string handshake::own_hello() const {
  wire::LinkHello hello;
  hello.set_version(settings_.version);
  hello.set_cluster(settings_.cluster);
  auto* from = hello.mutable_from();
  from->set_name(settings_.self.name);
  from->mutable_id()->set_high(settings_.self.id.high);
  from->mutable_id()->set_low(settings_.self.id.low);
  from->set_address(settings_.self.address);
  hello.set_nonce(nonce_.data(), nonce_.size());
  return hello.SerializeAsString();
}

std::string handshake::start() {
  TROUPE_CHECK(dialler_);
  return make_frame(frame_type::hello, dialler_hello_);
}

std::string handshake::on_frame(frame_type type, std::string_view payload) {
  if (stage_ == stage::refused) return {};
  if (type == frame_type::refused) {
    on_refused(payload);
    return {};
  }
  if (type != awaited_ || stage_ == stage::proven || stage_ == stage::established)
    return refuse(link_refusal::malformed, "a frame out of turn");
  switch (type) {
    case frame_type::hello: return on_hello(payload);
    case frame_type::challenge: return on_challenge(payload);
    case frame_type::proof: return on_proof(payload);
    case frame_type::welcome: stage_ = stage::welcomed; return {};
    case frame_type::ready: stage_ = stage::established; return {};
    default: return refuse(link_refusal::malformed, "a frame out of turn");
  }
}

std::string handshake::greet(std::string_view bytes) {
  wire::LinkHello hello;
  if (!parse(hello, bytes)) return refuse(link_refusal::malformed, "a hello that cannot be read");
  if (hello.version() != settings_.version)
    return refuse(link_refusal::wrong_version, "version " + std::to_string(hello.version()) +
                                                   " of the link's protocol, this node speaks version " +
                                                   std::to_string(settings_.version));
  peer_ = {hello.from().name(), {hello.from().id().high(), hello.from().id().low()}, hello.from().address()};
  if (!sound(peer_) || hello.nonce().size() != link_nonce_size || hello.cluster().size() > name_max)
    return refuse(link_refusal::malformed, "a hello without a name, an identity, an address or a nonce");
  if (hello.cluster() != settings_.cluster)
    return refuse(link_refusal::wrong_cluster,
                  "it belongs to cluster \"" + hello.cluster() + "\", this is cluster \"" + settings_.cluster + "\"");
  if (peer_.id == settings_.self.id) return refuse(link_refusal::self, "that is this very node");
  return {};
}

std::string handshake::on_hello(std::string_view payload) {
  dialler_hello_.assign(payload);
  if (auto refusal = greet(payload); stage_ == stage::refused) return refusal;
  wire::LinkChallenge challenge;
  challenge.set_hello(acceptor_hello_);
  for (const auto& secret : settings_.secrets) {
    const auto ours = mac(secret, acceptor_role);
    challenge.add_macs(ours.data(), ours.size());
  }
  awaited_ = frame_type::proof;
  return make_frame(frame_type::challenge, challenge.SerializeAsString());
}

std::string handshake::on_challenge(std::string_view payload) {
  wire::LinkChallenge challenge;
  if (!parse(challenge, payload)) return refuse(link_refusal::malformed, "a challenge that cannot be read");
  acceptor_hello_ = challenge.hello();
  if (auto refusal = greet(acceptor_hello_); stage_ == stage::refused) return refusal;
  if (static_cast<std::size_t>(challenge.macs_size()) > link_secrets_max)
    return refuse(link_refusal::malformed, "a challenge with too many macs");
  const auto* shared = shared_secret(challenge);
  if (shared == nullptr)
    return refuse(link_refusal::wrong_secret,
                  "the cluster secrets of " + peer_.name + " and " + settings_.self.name + " differ");
  if (!wanted_.empty() && peer_.id != wanted_)
    return refuse(link_refusal::wrong_incarnation, "another incarnation of " + peer_.name + " answers there");
  peer_is_proven_ = true;
  wire::LinkProof proof;
  const auto ours = mac(*shared, dialler_role);
  proof.set_mac(ours.data(), ours.size());
  awaited_ = frame_type::welcome;
  return make_frame(frame_type::proof, proof.SerializeAsString());
}

std::string handshake::on_proof(std::string_view payload) {
  wire::LinkProof proof;
  if (!parse(proof, payload)) return refuse(link_refusal::malformed, "a proof that cannot be read");
  const auto fits = [&](const std::string& secret) { return same_mac(mac(secret, dialler_role), proof.mac()); };
  if (std::none_of(settings_.secrets.begin(), settings_.secrets.end(), fits))
    return refuse(link_refusal::wrong_secret,
                  "the cluster secrets of " + peer_.name + " and " + settings_.self.name + " differ");
  peer_is_proven_ = true;
  stage_ = stage::proven;
  return {};
}

void handshake::on_refused(std::string_view payload) {
  wire::LinkRefused refused;
  const bool readable = parse(refused, payload);
  stage_ = stage::refused;
  refused_by_peer_ = true;
  const bool known = readable && refused.reason() > 0 && refused.reason() < link_refusals;
  reason_ = known ? static_cast<link_refusal>(refused.reason()) : link_refusal::malformed;
  words_ = readable ? refused.words().substr(0, words_max) : "a refusal that cannot be read";
  std::replace_if(words_.begin(), words_.end(), is_control, '?');
}

std::string handshake::admit() {
  TROUPE_CHECK(stage_ == stage::proven);
  stage_ = stage::exchanging;
  awaited_ = frame_type::ready;
  return make_frame(frame_type::welcome, {});
}

std::string handshake::confirm() {
  TROUPE_CHECK(stage_ == stage::welcomed);
  stage_ = stage::established;
  return make_frame(frame_type::ready, {});
}

std::string handshake::refuse(link_refusal reason, std::string words) {
  stage_ = stage::refused;
  reason_ = reason;
  words_ = std::move(words);
  if (words_.size() > words_max) words_.resize(words_max);
  std::replace_if(words_.begin(), words_.end(), is_control, '?');
  wire::LinkRefused refused;
  refused.set_reason(static_cast<std::uint32_t>(reason));
  refused.set_words(words_);
  return make_frame(frame_type::refused, refused.SerializeAsString());
}

// The first of the acceptor's secrets that this node knows too; null: none.
const std::string* handshake::shared_secret(const wire::LinkChallenge& challenge) const {
  for (const auto& theirs : challenge.macs()) {
    for (const auto& secret : settings_.secrets) {
      if (same_mac(mac(secret, acceptor_role), theirs)) return &secret;
    }
  }
  return nullptr;
}

link_mac handshake::mac(std::string_view secret, std::string_view role) const {
  std::string text(role);
  for (const auto* hello : {&dialler_hello_, &acceptor_hello_}) {
    append_le(text, static_cast<std::uint64_t>(hello->size()));
    text.append(*hello);
  }
  return hmac_(secret, text);
}

}  // namespace troupe
