/** Every sentence of the app by language; {places} are filled in by words.js. */

import { ENGLISH } from "./english.js";
import { SPANISH } from "./spanish.js";

export const SENTENCES = { en: ENGLISH, es: SPANISH };
