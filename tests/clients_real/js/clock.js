// Makes this process's clock as wrong as CLOCK_OFFSET says, in seconds.
'use strict';

exports.setClock = function setClock() {
  const offset = Number(process.env.CLOCK_OFFSET) * 1000;
  if (!offset) return;
  const RightDate = Date;
  globalThis.Date = class extends RightDate {
    constructor(...given) {
      super(...(given.length === 0 ? [RightDate.now() + offset] : given));
    }

    static now() {
      return RightDate.now() + offset;
    }
  };
};
