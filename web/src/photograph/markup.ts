/** What the room consists of. */

import { GAIN } from "./strength";

export const EVENED = "The noise grows with the light, so it was made even before.";

export const MARKUP = `
<h2>Your photograph</h2>
<p class="lead">
  The network looks at the picture in ever coarser steps, and then says for each pixel, step by step finer,
  what of it is noise. That is subtracted. It has learned this from photographs to which noise was added.
</p>
<div class="workbench">
  <div class="viewer">
    <div class="stage" tabindex="0" role="group" aria-label="The picture" aria-describedby="stage-keys">
      <canvas class="before" role="img" aria-label="Before"></canvas>
      <canvas class="after" role="img" aria-label="After" hidden></canvas>
      <div class="divider" hidden></div>
      <span class="tag left" hidden>Before</span>
      <span class="tag right" hidden>After</span>
      <div class="empty">
        <p>Drop a photograph here, or paste one.</p>
        <button type="button" class="choose">Choose a file</button>
        <p class="faint">JPEG, PNG, WebP or AVIF. It stays on this machine.</p>
      </div>
    </div>
    <label class="split">
      <span>Before</span>
      <input type="range" name="split" min="0" max="100" step="0.5" value="50" disabled
        aria-label="Divider between before and after" />
      <span>After</span>
    </label>
    <div class="zoom" role="group" aria-label="Zoom">
      <button type="button" data-zoom="out" aria-label="Zoom out">−</button>
      <output name="scale" aria-label="Size on the screen">–</output>
      <button type="button" data-zoom="in" aria-label="Zoom in">+</button>
      <button type="button" data-zoom="fit">Fit</button>
      <button type="button" data-zoom="1">1:1</button>
      <button type="button" data-zoom="2">2:1</button>
      <button type="button" data-zoom="4">4:1</button>
    </div>
    <p class="keys faint">
      Drag the divider, or a picture that is larger than its frame.
      <span id="stage-keys">
        Keys on the picture: arrows move it, + and − zoom, 0 fits it, 1, 2 and 4 enlarge a pixel so many
        times.
      </span>
    </p>
  </div>
  <div class="panel">
    <section class="card" aria-labelledby="file-title">
      <h3 id="file-title">Picture</h3>
      <p class="about">None yet.</p>
      <progress max="1" value="0" aria-label="Restored"></progress>
      <p class="left faint">&nbsp;</p>
      <div class="buttons">
        <button type="button" class="choose">Choose a file</button>
        <button type="button" class="run" disabled>Restore</button>
      </div>
      <input type="file" name="file" accept="image/*" hidden />
      <p class="status visually-hidden" role="status"></p>
    </section>
    <section class="card" aria-labelledby="result-title">
      <h3 id="result-title">Result</h3>
      <fieldset class="show" disabled>
        <legend>Show</legend>
        <label><input type="radio" name="show" value="after" checked /> Before and after</label>
        <label><input type="radio" name="show" value="difference" /> What was taken away</label>
        <p class="faint">It is shown ${GAIN} times as strong. Mid-grey is nothing.</p>
      </fieldset>
      <label class="strength">
        <span>Strength <output name="strength-value">1.00</output></span>
        <input type="range" name="strength" min="0" max="2" step="0.05" value="1" disabled
          aria-describedby="strength-text" />
      </label>
      <p class="faint" id="strength-text">0 takes no noise away, 1 takes all, 2 twice as much.</p>
      <button type="button" class="download" disabled>Download as PNG</button>
      <p class="how faint" hidden>${EVENED}</p>
    </section>
  </div>
  <section class="card limits" aria-labelledby="limits-title">
    <h3 id="limits-title">What it is for</h3>
    <p>
      These weights are for white noise: each pixel has its own, as in pictures from little light that no
      camera has smoothed yet. It may have a standard deviation of up to 55 of 255. If it grows with the
      light, as that of few photons does, it is made even before.
    </p>
    <p>
      They are bad at noise that neighbouring pixels share, as a camera's own noise reduction and strong JPEG
      compression leave it, at salt and pepper, and at stripes. Fine texture under strong noise becomes
      smooth.
    </p>
  </section>
</div>
`;
