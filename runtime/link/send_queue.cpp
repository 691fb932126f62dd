#include "runtime/link/send_queue.hpp"

#include <algorithm>

#include "runtime/base/check.hpp"
#include "runtime/link/chunks.hpp"

namespace troupe {

namespace {

constexpr std::size_t block_size = 64 * 1024;
constexpr std::size_t spare_blocks_max = 4;

}  // namespace

link_lane lane_of(frame_type type) noexcept {
  if (is_actor_frame(type)) return link_lane::actors;
  if (type == frame_type::request || type == frame_type::reply) return link_lane::requests;
  return link_lane::control;
}

std::string& send_queue::block_for(std::deque<std::string>& lane, std::size_t size) {
  if (!lane.empty() && lane.back().size() + size <= block_size) return lane.back();
  if (!spare_.empty() && size <= block_size) {
    lane.push_back(std::move(spare_.back()));
    spare_.pop_back();
    lane.back().clear();
  } else {
    lane.emplace_back();
    lane.back().reserve(size);
  }
  return lane.back();
}

expected<void> send_queue::push(frame_type type, std::string_view head, std::string_view body, bool reserved) {
  const std::uint64_t payload = head.size() + body.size();
  if (payload > limits_.message_max)
    return fail(errc::too_large, "message of " + std::to_string(payload) + " bytes, " +
                                     std::to_string(limits_.message_max) + " are allowed on the link");
  const auto chunks = payload > chunk_max ? (payload + chunk_max - 1) / chunk_max : 0;
  const auto size =
      payload + (chunks == 0 ? frame_header_size : chunks * std::uint64_t{frame_header_size + chunk_head_size});
  const auto limit = limits_.bytes_max + (reserved ? limits_.reserve : 0);
  if (bytes() + size > limit) return fail(errc::unavailable, "the send queue to the peer is full");

  auto& lane = lanes_[static_cast<std::size_t>(lane_of(type))];
  waiting_ += size;
  if (chunks > 0) {
    push_chunks(lane, type, head, body);
    return {};
  }
  auto& block = block_for(lane, static_cast<std::size_t>(size));
  const auto header = encode_header(type, static_cast<std::uint32_t>(payload));
  block.append(header.data(), header.size());
  block.append(head);
  block.append(body);
  return {};
}

void send_queue::push_chunks(std::deque<std::string>& lane, frame_type type, std::string_view head,
                             std::string_view body) {
  const std::size_t total = head.size() + body.size();
  const auto id = next_chunk_id_++;
  for (std::size_t offset = 0; offset < total; offset += chunk_max) {
    const auto size = std::min(chunk_max, total - offset);
    auto& block = lane.emplace_back();
    block.reserve(frame_header_size + chunk_head_size + size);
    const auto header = encode_header(frame_type::chunk, static_cast<std::uint32_t>(chunk_head_size + size));
    block.append(header.data(), header.size());
    append_chunk_head(block, {id, type, total, offset});
    const auto from_head = offset < head.size() ? std::min(size, head.size() - offset) : 0;
    if (from_head > 0) block.append(head.substr(offset, from_head));
    if (from_head < size) block.append(body.substr(offset + from_head - head.size(), size - from_head));
  }
}

std::uint64_t send_queue::take(std::vector<std::string>& out, std::uint64_t share) {
  std::uint64_t taken = 0;
  for (auto& lane : lanes_) {
    std::uint64_t of_lane = 0;
    while (!lane.empty() && of_lane < share) {
      of_lane += lane.front().size();
      out.push_back(std::move(lane.front()));
      lane.pop_front();
    }
    taken += of_lane;
  }
  waiting_ -= taken;
  writing_ += taken;
  return taken;
}

void send_queue::written(std::uint64_t bytes, std::vector<std::string>& blocks) {
  TROUPE_CHECK(bytes <= writing_);
  writing_ -= bytes;
  for (auto& block : blocks) {
    if (spare_.size() < spare_blocks_max && block.capacity() <= block_size) spare_.push_back(std::move(block));
  }
  blocks.clear();
}

void send_queue::absorb(send_queue& other) {
  for (std::size_t i = 0; i < link_lanes; ++i) {
    for (auto& block : other.lanes_[i]) lanes_[i].push_back(std::move(block));
  }
  waiting_ += other.waiting_;
  other.clear();
}

void send_queue::clear() noexcept {
  for (auto& lane : lanes_) lane.clear();
  waiting_ = 0;
  writing_ = 0;
}

}  // namespace troupe
