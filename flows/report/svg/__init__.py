"""The drawings of the report and the trend, as inline SVG."""
