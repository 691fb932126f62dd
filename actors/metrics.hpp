// The metrics of one node: names are troupe_<area>_<noun>_<unit>, counters end in _total.
//
// Look a metric up once and keep the reference: it lives as long as the metrics object. A hot path
// that counts per request keeps its own plain counters and registers a collector that sums them.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>

namespace troupe {

class metrics {
 public:
  using labels = std::map<std::string, std::string>;
  /// One number read at scrape time; must be callable from any thread until the metrics object ends.
  using reader = std::function<double()>;

  metrics();

  prometheus::Counter& counter(const std::string& name, const std::string& help, const labels& l = {});
  prometheus::Gauge& gauge(const std::string& name, const std::string& help, const labels& l = {});
  prometheus::Histogram& histogram(const std::string& name, const std::string& help, std::vector<double> buckets,
                                   const labels& l = {});

  void read_counter(const std::string& name, const std::string& help, const labels& l, reader r);
  void read_gauge(const std::string& name, const std::string& help, const labels& l, reader r);

  /// The Prometheus text format, version 0.0.4.
  [[nodiscard]] std::string expose() const;

 private:
  class read_at_scrape;
  prometheus::Registry registry_;
  std::shared_ptr<read_at_scrape> readers_;
};

}  // namespace troupe
