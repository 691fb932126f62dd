#include "actors/metrics.hpp"

#include <prometheus/collectable.h>
#include <prometheus/text_serializer.h>

namespace troupe {

// Families whose numbers are asked for when somebody scrapes.
class metrics::read_at_scrape : public prometheus::Collectable {
 public:
  void add(const std::string& name, const std::string& help, prometheus::MetricType type, const labels& l, reader r) {
    const std::lock_guard lock(mutex_);
    auto& f = families_[name];
    f.help = help;
    f.type = type;
    f.rows.emplace_back(l, std::move(r));
  }

  std::vector<prometheus::MetricFamily> Collect() const override {
    const std::lock_guard lock(mutex_);
    std::vector<prometheus::MetricFamily> result;
    for (const auto& [name, f] : families_) {
      prometheus::MetricFamily collected{name, f.help, f.type, {}};
      for (const auto& [row_labels, read] : f.rows) {
        prometheus::ClientMetric metric;
        for (const auto& [key, value] : row_labels) metric.label.push_back({key, value});
        if (f.type == prometheus::MetricType::Counter)
          metric.counter.value = read();
        else
          metric.gauge.value = read();
        collected.metric.push_back(std::move(metric));
      }
      result.push_back(std::move(collected));
    }
    return result;
  }

 private:
  struct family {
    std::string help;
    prometheus::MetricType type = prometheus::MetricType::Gauge;
    std::vector<std::pair<labels, reader>> rows;
  };
  mutable std::mutex mutex_;
  std::map<std::string, family> families_;
};

metrics::metrics() : readers_(std::make_shared<read_at_scrape>()) {}

prometheus::Counter& metrics::counter(const std::string& name, const std::string& help, const labels& l) {
  return prometheus::BuildCounter().Name(name).Help(help).Register(registry_).Add(l);
}

prometheus::Gauge& metrics::gauge(const std::string& name, const std::string& help, const labels& l) {
  return prometheus::BuildGauge().Name(name).Help(help).Register(registry_).Add(l);
}

prometheus::Histogram& metrics::histogram(const std::string& name, const std::string& help, std::vector<double> buckets,
                                          const labels& l) {
  return prometheus::BuildHistogram().Name(name).Help(help).Register(registry_).Add(l, buckets);
}

void metrics::read_counter(const std::string& name, const std::string& help, const labels& l, reader r) {
  readers_->add(name, help, prometheus::MetricType::Counter, l, std::move(r));
}

void metrics::read_gauge(const std::string& name, const std::string& help, const labels& l, reader r) {
  readers_->add(name, help, prometheus::MetricType::Gauge, l, std::move(r));
}

std::string metrics::expose() const {
  auto families = registry_.Collect();
  auto read = readers_->Collect();
  families.insert(families.end(), std::make_move_iterator(read.begin()), std::make_move_iterator(read.end()));
  return prometheus::TextSerializer().Serialize(families);
}

}  // namespace troupe
