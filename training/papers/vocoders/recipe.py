"""How a vocoder is trained. The defaults are HiFi-GAN's; each paper's file says what differs. Losses are sums of what
the papers sum, means of what they average."""

import torch
from torch import nn
from papers import losses
from data.mels import LogMel


class Recipe:
    discriminators_from = 0  # step at which the discriminators begin
    clip = discriminators_clip = None  # largest norm of the gradient
    level = None  # how loud pieces are made: a data.corpus.Level
    arch, about = None, {}  # of the parity case, where they are not the paper's usual ones
    codewords = ()  # what the generator copies from a codec

    def __init__(self, config, mel, segment, batch, discriminators):
        self.config, self.segment, self.batch = config, segment, batch
        self.front_end, self.rate, self.discriminators = LogMel(**mel), mel["rate"], nn.ModuleDict(discriminators)
        self.loss_mel = self.front_end

    def features(self, wave):
        """[B, S] -> what the generator is given"""
        return (self.front_end(wave),)

    def parity(self, features, audio):
        """-> inputs and outputs as a parity case names them"""
        return {"mel": features[0], "audio": audio} | ({"noise": features[1]} if len(features) > 1 else {})

    def optimizers(self, generator):
        """-> the generator's and the discriminators'"""
        c = self.config
        make = lambda parameters: torch.optim.AdamW(
            parameters, c["learning_rate"], (c["adam_b1"], c["adam_b2"]), weight_decay=0.01
        )
        return make(generator.parameters()), make(self.discriminators.parameters())

    def decay(self, step, epoch):
        """Factor of the learning rates after `step` steps, where `epoch` steps see the whole corpus."""
        return self.config["lr_decay"] ** (step // epoch)

    def hear(self, x):
        return [heard for discriminator in self.discriminators.values() for heard in discriminator(x)]

    def clipped(self):
        """Lists of the discriminators' parameters whose gradients are clipped together."""
        return [[*self.discriminators.parameters()]]

    def judge(self, real, fake):
        """The discriminators' loss; real, fake: what they heard"""
        return len(real) * losses.lsgan_discriminator(real, fake)

    def fool(self, real, fake):
        """The generator's weighted losses by what the discriminators heard"""
        return {
            "adversarial": len(real) * losses.lsgan_generator(fake),
            "matching": 2 * losses.summed_matching(real, fake),
        }

    def spectral(self, fake, real):
        """The generator's other weighted losses; waveforms [B, S]"""
        raise NotImplementedError
