#include "bench/membership/plot.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>

namespace troupe::bench {

namespace {

constexpr double width = 760, height = 420, left = 70, right = 190, top = 40, bottom = 50;
constexpr std::array<const char*, 4> palette = {"#1b6ca8", "#3a8f3a", "#d08700", "#b3261e"};

std::string number(double v) {
  char text[32];
  std::snprintf(text, sizeof text, "%.6g", v);
  return text;
}

std::string at(const char* name, double v) { return std::string(" ") + name + "=\"" + number(v) + "\""; }

std::string text(double x, double y, const char* anchor, const std::string& words) {
  return "<text" + at("x", x) + at("y", y) + " text-anchor=\"" + anchor + "\">" + words + "</text>\n";
}

std::string line(double x1, double y1, double x2, double y2, const std::string& style) {
  return "<line" + at("x1", x1) + at("y1", y1) + at("x2", x2) + at("y2", y2) + " " + style + "/>\n";
}

// From values to places; both axes begin and end at a tick.
class axes {
 public:
  explicit axes(const plot& p) : log_y_(p.log_y) {
    x_min_ = y_least_ = 1e300;
    for (const auto& s : p.series) {
      for (const auto& [x, y] : s.points) {
        x_min_ = std::min(x_min_, x);
        x_max_ = std::max(x_max_, x);
        y_max_ = std::max(y_max_, y);
        if (y > 0) y_least_ = std::min(y_least_, y);
      }
    }
    if (x_max_ <= x_min_) x_max_ = x_min_ * 10 + 1;
    if (y_max_ <= 0) y_max_ = 1;
    y_low_ = log_y_ ? std::pow(10, std::floor(std::log10(std::min(y_least_, y_max_)) - 0.3)) : 0;
    y_high_ = log_y_ ? std::pow(10, std::ceil(std::log10(y_max_))) : step() * std::ceil(y_max_ / step());
  }

  [[nodiscard]] double x(double v) const {
    return left + (std::log(v) - std::log(x_min_)) / (std::log(x_max_) - std::log(x_min_)) * (width - left - right);
  }
  [[nodiscard]] double y(double v) const {
    const double share =
        log_y_ ? (std::log10(std::max(v, y_low_)) - std::log10(y_low_)) / (std::log10(y_high_) - std::log10(y_low_))
               : v / y_high_;
    return height - bottom - share * (height - top - bottom);
  }
  [[nodiscard]] std::vector<double> y_ticks() const {
    std::vector<double> ticks;
    if (log_y_) {
      for (double v = y_low_; v <= y_high_ * 1.001; v *= 10) ticks.push_back(v);
    } else {
      for (double v = 0; v <= y_high_ * 1.001; v += step()) ticks.push_back(v);
    }
    return ticks;
  }

 private:
  // 1, 2 or 5 times a power of ten, so that there are about five.
  [[nodiscard]] double step() const {
    const double raw = y_max_ / 5, power = std::pow(10, std::floor(std::log10(raw)));
    for (const double m : {1.0, 2.0, 5.0}) {
      if (raw <= m * power) return m * power;
    }
    return 10 * power;
  }

  bool log_y_;
  double x_min_ = 0, x_max_ = 0, y_least_ = 0, y_max_ = 0, y_low_ = 0, y_high_ = 0;
};

std::string frame_of(const plot& p, const axes& a) {
  std::string out = text((left + width - right) / 2, 22, "middle", p.title);
  out += text((left + width - right) / 2, height - 12, "middle", p.x_label);
  for (const double v : a.y_ticks()) {
    out += line(left, a.y(v), width - right, a.y(v), "stroke=\"#ddd\"");
    out += text(left - 6, a.y(v) + 4, "end", number(v));
  }
  std::vector<double> xs;
  for (const auto& s : p.series) {
    for (const auto& point : s.points) xs.push_back(point.first);
  }
  std::sort(xs.begin(), xs.end());
  xs.erase(std::unique(xs.begin(), xs.end()), xs.end());
  for (const double v : xs) {
    out += line(a.x(v), height - bottom, a.x(v), height - bottom + 4, "stroke=\"#444\"");
    out += text(a.x(v), height - bottom + 18, "middle", number(v));
  }
  out += "<text transform=\"translate(16," + number((top + height - bottom) / 2) +
         ") rotate(-90)\" text-anchor=\"middle\">" + p.y_label + "</text>\n";
  return out;
}

}  // namespace

std::string to_svg(const plot& p) {
  const axes a(p);
  std::string out = "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 " + number(width) + " " + number(height) +
                    "\" font-family=\"sans-serif\" font-size=\"12\">\n<rect width=\"100%\" height=\"100%\" "
                    "fill=\"white\"/>\n";
  out += frame_of(p, a);
  double legend = top + 10;
  for (const auto& s : p.series) {
    const std::string style = std::string("fill=\"none\" stroke-width=\"2\" stroke=\"") +
                              palette[static_cast<std::size_t>(s.color) % palette.size()] + "\"" +
                              (s.dashed ? " stroke-dasharray=\"5 4\"" : "");
    std::string points;
    for (const auto& [x, y] : s.points) points += number(a.x(x)) + "," + number(a.y(y)) + " ";
    out += "<polyline points=\"" + points + "\" " + style + "/>\n";
    out += line(width - right + 14, legend - 4, width - right + 44, legend - 4, style);
    out += text(width - right + 50, legend, "start", s.name);
    legend += 20;
  }
  return out + "</svg>\n";
}

}  // namespace troupe::bench
