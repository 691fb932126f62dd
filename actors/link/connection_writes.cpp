// What a connection writes, and on whose thread.
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <array>

#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>

#include "actors/link/link_connection.hpp"
#include "actors/link/link_peer.hpp"
#include "runtime/link/send_queue.hpp"

namespace troupe {

namespace asio = boost::asio;
using boost::system::error_code;

// Once it is false nobody else writes, nor will.
void link_connection::share_writes(bool shared) {
  const std::lock_guard lock(writes_);
  shared_ = shared;
}

void link_connection::write_raw(std::string bytes) {
  {
    const std::lock_guard lock(writes_);
    raw_ += bytes;
  }
  write_more();
}

void link_connection::write_more() {
  std::unique_lock lock(writes_);
  if (writing_ || ended_ || held(network_faults::way::out, &link_connection::write_more)) return;
  if (!raw_.empty()) blocks_.push_back(std::exchange(raw_, {}));
  if (peer_ && !said_idle_) batch_ = peer_->take_batch(blocks_);
  if (blocks_.empty() && goodbye_ && !close_when_written_) {
    close_when_written_ = true;
    blocks_.push_back(goodbye_frame_);
  }
  if (!blocks_.empty()) return start_write(0);
  lock.unlock();
  if (close_when_written_) end(end_.why);
}

// Under the lock: all of the blocks but the first `from` bytes.
void link_connection::start_write(std::size_t from) {
  writing_ = true;
  buffers_.clear();
  for_rest(blocks_, from, [this](std::string_view rest) { buffers_.emplace_back(rest.data(), rest.size()); });
  asio::async_write(socket_, buffers_,
                    [self = shared_from_this()](error_code fault, std::size_t size) { self->on_written(fault, size); });
}

// False when the I/O thread has to look at the queue.
bool link_connection::try_write() {
  const std::unique_lock lock(writes_, std::try_to_lock);
  if (!lock || !shared_ || writing_ || !raw_.empty()) return false;
  if (const auto& faults = host_.settings().faults; faults && faults->any()) return false;
  batch_ = peer_->take_batch(blocks_);
  if (batch_ == 0) return true;
  const auto written = write_blocks();
  link_counters::add(host_.counters().bytes_out, written);
  link_counters::add(host_.counters().writes_by_senders);
  touch();
  if (written < batch_) {
    writing_ = true;
    asio::post(socket_.get_executor(), [self = shared_from_this(), written] {
      const std::lock_guard again(self->writes_);
      self->start_write(written);
    });
    return true;
  }
  peer_->on_written(std::exchange(batch_, 0), blocks_);
  return peer_->rest();
}

// Under the lock. How many bytes the socket took; a fault of it is the I/O thread's to find.
std::size_t link_connection::write_blocks() {
  std::array<::iovec, link_lanes> parts{};
  ::msghdr message{};
  message.msg_iov = parts.data();
  for (auto& block : blocks_) {
    if (message.msg_iovlen == parts.size()) break;
    parts[message.msg_iovlen++] = {block.data(), block.size()};
  }
  const auto sent = ::sendmsg(socket_.native_handle(), &message, MSG_DONTWAIT | MSG_NOSIGNAL);
  return sent < 0 ? 0 : static_cast<std::size_t>(sent);
}

void link_connection::on_written(error_code fault, std::size_t size) {
  {
    const std::lock_guard lock(writes_);
    writing_ = false;
    if (peer_) peer_->on_written(std::exchange(batch_, 0), blocks_);
    blocks_.clear();
  }
  if (ended_) return;
  if (fault) return lose(fault, "writing: " + fault.message());
  link_counters::add(host_.counters().bytes_out, size);
  touch();
  write_more();
}

}  // namespace troupe
