"use strict";
/* As token_colours.py: the background of a value, -1 to 1 of the scale, and the text that shows on
   it. scales: those of the themes; a colour is a list of red, green and blue, 0 to 255. */
const tokenColours = (scales) => {
  const channels = (colour) => [1, 3, 5].map((place) => parseInt(colour.slice(place, place + 2), 16));

  function fill(value, theme) {
    const stops = scales[theme][value < 0 ? "negative" : "positive"].map(channels);
    const place = Math.min(Math.abs(value) || 0, 1) * (stops.length - 1);
    const low = Math.min(Math.floor(place), stops.length - 2);
    return stops[low].map((one, i) => Math.floor(one + (place - low) * (stops[low + 1][i] - one) + 0.5));
  }

  function textOn(background) {
    const [r, g, b] = background.map((one) => one / 255)
      .map((one) => (one <= 0.04045 ? one / 12.92 : ((one + 0.055) / 1.055) ** 2.4));
    return (0.2126 * r + 0.7152 * g + 0.0722 * b + 0.05) ** 2 > 0.0525 ? "#000000" : "#ffffff";
  }

  return { fill, textOn, css: (rgb) => `rgb(${rgb.join(", ")})` };
};
