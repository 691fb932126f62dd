#include "actors/net/packet_seal.hpp"

#include <algorithm>
#include <limits>
#include <utility>

#include <openssl/evp.h>
#include <openssl/rand.h>

#include "runtime/base/check.hpp"

namespace troupe {

namespace {

constexpr std::size_t clear_size = 6;  // mark, purpose, key id
constexpr std::size_t nonce_size = 12;
constexpr std::size_t prefix_size = 8;

const unsigned char* bytes_of(const char* p) { return reinterpret_cast<const unsigned char*>(p); }
unsigned char* bytes_of(char* p) { return reinterpret_cast<unsigned char*>(p); }

std::uint64_t draw_prefix() {
  std::uint64_t prefix = 0;
  TROUPE_CHECK(RAND_bytes(reinterpret_cast<unsigned char*>(&prefix), sizeof prefix) == 1);
  return prefix;
}

void put_big_endian(std::uint64_t number, std::size_t size, char* to) {
  for (std::size_t i = size; i-- > 0; number >>= 8) to[i] = static_cast<char>(number & 0xff);
}

std::uint64_t get_big_endian(std::string_view bytes) {
  std::uint64_t number = 0;
  for (const char c : bytes) number = number << 8 | static_cast<unsigned char>(c);
  return number;
}

}  // namespace

std::string_view name_of(packet_drop d) noexcept {
  static constexpr std::array<std::string_view, packet_drops> names{"plain",       "sealed", "truncated", "version",
                                                                    "unknown_key", "forged", "replayed"};
  return names[static_cast<std::size_t>(d)];
}

// One key and one direction: the key schedule is made once, a packet only sets its nonce.
class packet_seal::cipher {
 public:
  cipher(const ring_key& k, const std::string& cluster, bool seals) : context_(EVP_CIPHER_CTX_new()) {
    const auto id_bytes = derive(k, "troupe packet key id", cluster);
    std::copy_n(id_bytes.bytes.begin(), id.size(), id.begin());
    const auto key = derive(k, "troupe packet key", cluster);
    TROUPE_CHECK(context_ != nullptr);
    TROUPE_CHECK(EVP_CipherInit_ex(context_, EVP_aes_256_gcm(), nullptr, bytes_of(key.bytes.data()), nullptr,
                                   seals ? 1 : 0) == 1);
  }
  ~cipher() { EVP_CIPHER_CTX_free(context_); }
  cipher(const cipher&) = delete;
  cipher& operator=(const cipher&) = delete;

  /// `packet` holds the head; ciphertext and tag are appended.
  void seal(std::string_view plain, std::string& packet) {
    int size = 0;
    begin(packet.data());
    packet.resize(head_size + plain.size() + tag_size);
    char* text = packet.data() + head_size;
    TROUPE_CHECK(
        EVP_CipherUpdate(context_, bytes_of(text), &size, bytes_of(plain.data()), static_cast<int>(plain.size())) == 1);
    TROUPE_CHECK(EVP_CipherFinal_ex(context_, bytes_of(text + size), &size) == 1);
    TROUPE_CHECK(EVP_CIPHER_CTX_ctrl(context_, EVP_CTRL_GCM_GET_TAG, tag_size, text + plain.size()) == 1);
  }

  /// False when the tag does not fit.
  [[nodiscard]] bool open(std::string_view packet, std::string& plain) {
    int size = 0;
    begin(packet.data());
    const auto text = packet.substr(head_size, packet.size() - overhead);
    std::array<char, tag_size> tag{};
    std::copy_n(packet.end() - tag_size, tag_size, tag.begin());
    plain.resize(text.size());
    TROUPE_CHECK(EVP_CIPHER_CTX_ctrl(context_, EVP_CTRL_GCM_SET_TAG, tag_size, tag.data()) == 1);
    if (EVP_CipherUpdate(context_, bytes_of(plain.data()), &size, bytes_of(text.data()),
                         static_cast<int>(text.size())) != 1) {
      return false;
    }
    return EVP_CipherFinal_ex(context_, bytes_of(plain.data() + size), &size) == 1;
  }

  key_id id{};

 private:
  void begin(const char* head) {
    int size = 0;
    TROUPE_CHECK(EVP_CipherInit_ex(context_, nullptr, nullptr, nullptr, bytes_of(head + clear_size), -1) == 1);
    TROUPE_CHECK(EVP_CipherUpdate(context_, nullptr, &size, bytes_of(head), clear_size) == 1);
  }

  EVP_CIPHER_CTX* context_;
};

packet_seal::packet_seal(std::string cluster, const key_ring& ring, prefix_source draw, std::uint32_t first_number)
    : cluster_(std::move(cluster)),
      draw_(draw ? std::move(draw) : draw_prefix),
      prefix_(draw_()),
      number_(first_number) {
  set_ring(ring);
}

packet_seal::~packet_seal() = default;

void packet_seal::set_ring(const key_ring& ring) {
  std::vector<std::unique_ptr<cipher>> sealers;
  std::vector<std::unique_ptr<cipher>> openers;
  for (const auto& k : ring.keys()) {
    sealers.push_back(std::make_unique<cipher>(k, cluster_, true));
    openers.push_back(std::make_unique<cipher>(k, cluster_, false));
  }
  const std::scoped_lock lock(seal_mutex_, open_mutex_);
  sealers_.swap(sealers);
  openers_.swap(openers);
  peer_keys_.clear();
}

bool packet_seal::looks_sealed(std::string_view bytes) noexcept {
  return !bytes.empty() && static_cast<unsigned char>(bytes.front()) == mark;
}

// A process that nobody has answered yet may have a ring of yesterday: it tries its keys in turn.
std::size_t packet_seal::choose_key(std::string_view to) {
  if (!heard_) return unheard_++ % sealers_.size();
  const auto known = peer_keys_.find(to);
  if (known == peer_keys_.end()) return 0;
  for (std::size_t i = 0; i < sealers_.size(); ++i) {
    if (sealers_[i]->id == known->second) return i;
  }
  return 0;
}

void packet_seal::next_nonce(char* to) {
  if (number_ == std::numeric_limits<std::uint32_t>::max()) {
    prefix_ = draw_();
    number_ = 0;
  }
  put_big_endian(prefix_, prefix_size, to);
  put_big_endian(++number_, nonce_size - prefix_size, to + prefix_size);
}

std::string packet_seal::seal(seal_purpose purpose, std::string_view to, std::string_view plain) {
  std::string packet(head_size, '\0');
  packet.reserve(overhead + plain.size());
  packet[0] = static_cast<char>(mark);
  packet[1] = static_cast<char>(purpose);
  const std::lock_guard lock(seal_mutex_);
  auto& with = *sealers_[choose_key(to)];
  std::copy(with.id.begin(), with.id.end(), packet.begin() + 2);
  next_nonce(packet.data() + clear_size);
  with.seal(plain, packet);
  return packet;
}

tl::expected<std::string, packet_drop> packet_seal::open(seal_purpose purpose, std::string_view from,
                                                         std::string_view bytes) {
  if (!looks_sealed(bytes)) return tl::unexpected(packet_drop::plain);
  if (bytes.size() < overhead) return tl::unexpected(packet_drop::truncated);
  if (bytes[1] != static_cast<char>(purpose)) return tl::unexpected(packet_drop::version);
  key_id used;
  std::copy_n(bytes.begin() + 2, used.size(), used.begin());
  const auto sender = get_big_endian(bytes.substr(clear_size, prefix_size));
  const auto number =
      static_cast<std::uint32_t>(get_big_endian(bytes.substr(clear_size + prefix_size, nonce_size - prefix_size)));
  std::string plain;
  {
    const std::lock_guard lock(open_mutex_);
    auto why = packet_drop::unknown_key;
    bool opened = false;
    for (const auto& opener : openers_) {
      if (opener->id != used) continue;
      why = packet_drop::forged;
      if ((opened = opener->open(bytes, plain))) break;
    }
    if (!opened) return tl::unexpected(why);
    if (!window_.take(sender, number)) return tl::unexpected(packet_drop::replayed);
  }
  remember(from, used);
  return plain;
}

// Only peers that do not use our primary are worth a line.
void packet_seal::remember(std::string_view from, const key_id& used) {
  if (from.empty()) return;
  const std::lock_guard lock(seal_mutex_);
  heard_ = true;
  const auto known = peer_keys_.find(from);
  if (sealers_.front()->id == used) {
    if (known != peer_keys_.end()) peer_keys_.erase(known);
  } else if (known != peer_keys_.end()) {
    known->second = used;
  } else {
    if (peer_keys_.size() >= peers_max) peer_keys_.clear();
    peer_keys_.emplace(from, used);
  }
}

}  // namespace troupe
